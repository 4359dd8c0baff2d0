import { type Command, Option } from 'commander';
import type { JobSettings } from '../../core/job.ts';
import { positiveNumberOption, wholeNumberOption } from '../frame/command.ts';

export type RunOptions = {
  json?: boolean;
  detach?: boolean;
  yes?: boolean;
  maxCost?: number;
  maxRepositoryCost?: number;
  maxTurns?: number;
  maxMinutes?: number;
};

/** The options of commands that run a job again, with the model. */
export function addRunOptions(command: Command): Command {
  return command
    .addOption(
      positiveNumberOption('--max-cost <usd>', 'the most that the whole job may cost, over all runs'),
    )
    .addOption(positiveNumberOption('--max-repository-cost <usd>', 'the most that one repository may cost'))
    .addOption(wholeNumberOption('--max-turns <n>', 'the most answers of the model for one repository'))
    .addOption(wholeNumberOption('--max-minutes <n>', 'the most minutes of work on one repository'))
    .addOption(new Option('--detach', 'does not wait for the end; on this machine only with `serve`'))
    .addOption(new Option('--json', 'prints one JSON document: the job with its repositories'))
    .addOption(new Option('-y, --yes', 'does not ask before money is spent'));
}

type Budget = { settings?: Partial<JobSettings>; maxCostUsd?: number };

/** The limits that a request for another run changes; empty if it changes none. */
export function budgetOf({ maxCost, maxRepositoryCost, maxTurns, maxMinutes }: RunOptions): Budget {
  const limits = { maxTurns, maxMinutes, maxCostUsd: maxRepositoryCost };
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  return {
    ...(given.length > 0 && { settings: Object.fromEntries(given) }),
    ...(maxCost !== undefined && { maxCostUsd: maxCost }),
  };
}
