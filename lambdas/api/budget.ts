import { ConflictError } from '../../core/errors.ts';
import { JobRequest, type JobRow, JobSettings } from '../../core/job.ts';
import type { Settings } from '../../core/settings.ts';
import type { RunToBegin } from './begin-run.ts';
import { HttpError } from './problem.ts';
import { refuseAgainstSettings } from './refusals.ts';

/** Limits that a request for another run may change: of one repository in one run, and of the job over all runs. */
export const BUDGET = {
  settings: JobSettings.pick({ maxTurns: true, maxCostUsd: true, maxMinutes: true }).partial().optional(),
  maxCostUsd: JobRequest.shape.maxCostUsd,
};

/** Throws 403 if a caller who may not touch all of a job would change the cap of all of it. `mine` is undefined for others. */
export function refuseCapOfOthers(
  { maxCostUsd }: { maxCostUsd?: number | undefined } = {},
  mine: readonly string[] | undefined,
): void {
  if (maxCostUsd === undefined || mine === undefined) return;
  throw new HttpError(
    403,
    'maxCostUsd is the cap of the whole job, and you may touch only some of its repositories. Leave it out, or ask a person who may touch all.',
  );
}

/**
 * The job's settings and cap with those that a request changes. Throws InvalidInputError above a ceiling of the
 * environment, and ConflictError for a cap below what the job has spent.
 */
export function changedSettings(
  job: JobRow,
  { settings, maxCostUsd }: { settings?: Partial<JobSettings> | undefined; maxCostUsd?: number | undefined },
  ceilings: Settings,
): Pick<RunToBegin, 'settings' | 'maxCostUsd'> {
  const changed = { ...job.settings, ...settings };
  if (settings || maxCostUsd !== undefined)
    refuseAgainstSettings({ settings: changed, maxCostUsd }, ceilings);
  const { costUsd = 0 } = job;
  if (maxCostUsd !== undefined && maxCostUsd < costUsd) {
    throw new ConflictError(
      `The job ${job.jobId} has cost $${costUsd} so far, and maxCostUsd is ${maxCostUsd}. It is the cap over all runs: send a larger one.`,
    );
  }
  return { settings: changed, maxCostUsd: maxCostUsd ?? job.maxCostUsd };
}
