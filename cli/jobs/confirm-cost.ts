import { ModelRequestError, UsageError } from '../../core/errors.ts';
import type { JobRequest } from '../../core/job.ts';
import { refusalOfModel } from '../../core/model-check.ts';
import { unpricedNote } from '../../core/models.ts';
import type { Variables } from '../../core/secrets.ts';
import { defaultJobSettings, isModelPriced, parseSettings } from '../../core/settings.ts';
import { confirm } from '../terminal/ask.ts';
import { tell } from '../terminal/print.ts';
import { isInteractive } from '../terminal/streams.ts';
import { repositories } from './repository-count.ts';

/** Throws ModelRequestError for a bad key or model name, before the job starts and not once for each repository. */
export async function requireModel({ settings }: Partial<JobRequest>, given: Variables): Promise<void> {
  const environment = parseSettings(given);
  const refusal = await refusalOfModel(environment, settings?.model ?? environment.CLAUDE_MODEL);
  if (!refusal) return;
  const name = given.CLAUDE_API_KEY ? 'CLAUDE_API_KEY' : 'ANTHROPIC_API_KEY';
  throw new ModelRequestError(
    refusal
      .replace('CLAUDE_API_KEY', name)
      .replace('settings.model or CLAUDE_MODEL', '--model or CLAUDE_MODEL'),
  );
}

/** Says what a job on this machine may cost, by the settings that its stack will have. */
export function costNote(request: JobRequest, count: number, given: Variables): string {
  const settings = parseSettings(given);
  const defaults = { ...defaultJobSettings(settings), ...request.settings };
  const job = request.maxCostUsd ?? settings.DEFAULT_JOB_COST_USD;
  const most = Math.min(job, defaults.maxCostUsd * count);
  const caps = isModelPriced(defaults.model, settings)
    ? `The caps allow up to $${most.toFixed(2)}: $${defaults.maxCostUsd.toFixed(2)} for each repository (--max-repository-cost), $${job.toFixed(2)} for the job (--max-cost).`
    : unpricedNote(defaults.model);
  return `${defaults.model} will work on ${repositories(count)}. ${caps}`;
}

/**
 * Asks on a terminal before money is spent, unless `isYes`. Returns whether the answer is yes. Throws UsageError without
 * a terminal: money is not spent without a yes.
 */
export async function confirmSpending(note: string, isYes: boolean): Promise<boolean> {
  tell(note);
  if (isYes) return true;
  if (!isInteractive()) {
    throw new UsageError(
      'There is no terminal to ask whether to spend that. Add --yes to agree; nothing was started.',
    );
  }
  return confirm('Continue?');
}
