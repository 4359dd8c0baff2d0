import { createInterface } from 'node:readline/promises';
import { ModelRequestError } from '../core/errors.ts';
import type { JobRequest } from '../core/job.ts';
import { refusalOfModel } from '../core/model-check.ts';
import { unpricedNote } from '../core/models.ts';
import type { Variables } from '../core/secrets.ts';
import { defaultJobSettings, isModelPriced, parseSettings } from '../core/settings.ts';
import { tell } from '../core/terminal.ts';

/** Throws ModelRequestError for a bad key or model name, before the job starts and not once for each repository. */
export async function requireModel({ settings }: JobRequest, given: Variables): Promise<void> {
  const environment = parseSettings(given);
  const refusal = await refusalOfModel(environment, settings?.model ?? environment.CLAUDE_MODEL);
  if (refusal) throw new ModelRequestError(refusal);
}

/** Prints the most that the job may cost, and on a terminal asks for consent unless `yes`. Returns whether it is given. */
export async function confirmCost(request: JobRequest, given: Variables, yes: boolean): Promise<boolean> {
  const settings = parseSettings(given);
  const defaults = { ...defaultJobSettings(settings), ...request.settings };
  const job = request.maxCostUsd ?? settings.DEFAULT_JOB_COST_USD;
  const most = Math.min(job, defaults.maxCostUsd * request.repositories.length);
  const count = `${request.repositories.length} ${request.repositories.length === 1 ? 'repository' : 'repositories'}`;
  const caps = isModelPriced(defaults.model, settings)
    ? `The caps allow up to $${most.toFixed(2)}: $${defaults.maxCostUsd.toFixed(2)} for each repository, $${job.toFixed(2)} for the job (--max-cost).`
    : unpricedNote(defaults.model);
  tell(`${defaults.model} will work on ${count}. ${caps}`);
  if (yes || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await terminal.question('Continue? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}
