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
  /** Of retry and continue: a revision continues conversations, which are of one model. */
  model?: string;
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

/** For a run that begins conversations. */
export const MODEL_OPTION = () =>
  new Option('--model <name>', 'another model, such as after the service refused the one before');

type Budget = { settings?: Partial<JobSettings>; maxCostUsd?: number };

/** The limits that a request for another run changes; empty if it changes none. */
export function budgetOf({ maxCost, maxRepositoryCost, maxTurns, maxMinutes, model }: RunOptions): Budget {
  const limits = { maxTurns, maxMinutes, maxCostUsd: maxRepositoryCost, model };
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  return {
    ...(given.length > 0 && { settings: Object.fromEntries(given) }),
    ...(maxCost !== undefined && { maxCostUsd: maxCost }),
  };
}
