import { isRunning, type JobRow } from '../../core/job.ts';
import { requireWhole } from '../../core/store/read-job.ts';
import { findRunRequest, writeRunRequest } from '../../core/store/run-requests.ts';
import type { Context } from '../context.ts';
import { logger, setAside } from '../logger.ts';
import { Executions } from './executions.ts';
import { expiresTooSoon } from './last-days.ts';
import { findRepairs, mayNeedRepair, REPAIRABLE_ATTRIBUTES } from './repairable.ts';
import { keepRecord } from './run-record.ts';
import { unlessDeleted } from './unless-deleted.ts';

/** The same for every repository of a run, so the model's cache holds it. What failed follows it, marked as data. */
export const REPAIR_INSTRUCTION = `Your change is a pull request by now. The blocks below have what its checks and its reviewers say. Mend what your change broke, and follow the comments as far as they are about this change; keep everything else of it.
Where a check fails for a reason that your change has nothing to do with, leave the change as it is, and say so in the summary. Do not delete, skip or weaken a check to make it pass. Submit again with task_complete.`;

/**
 * Starts a run that revises the pull requests of a job which have something to mend. Does nothing while the job runs, after
 * it was cancelled, once its cap is spent, and if another request reserves the run first. `names` are candidates.
 */
export async function beginRepair(jobId: string, names: readonly string[], context: Context): Promise<void> {
  const { jobs, repositories, settings, now } = context;
  const job = await jobs.find(jobId);
  if (!job || !mayBegin(job, now())) return;
  requireWhole(job);
  const rows = await repositories.getMany(jobId, names, REPAIRABLE_ATTRIBUTES);
  const candidates = rows.filter((row) => mayNeedRepair(row, job));
  // While an environment is drained no run starts; the next look at GitHub finds the same.
  if (candidates.length === 0 || (await context.drainState.get())) return;
  const repairs = await findRepairs(candidates, job, context);
  if (repairs.length === 0) return;
  const selection = repairs.map(({ name }) => name).sort();
  const request = await unlessDeleted(jobId, context, () => writeRequest(job, selection, context));
  await keepRecord(job, context);
  const reserved = await jobs.reserveRun(jobId, job.run, { action: 'revise', request }, now());
  if (!reserved) return;
  logger.info('Pull requests are repaired', { jobId, run: job.run + 1, repositories: selection.length });
  // If this fails, the reconciler starts the run.
  await new Executions(settings).start({ jobId, run: job.run + 1, action: 'revise' });
}

function mayBegin(job: JobRow, at: string): boolean {
  if (isRunning(job.status) || job.status === 'cancelled') return false;
  return (job.costUsd ?? 0) < job.maxCostUsd && !expiresTooSoon(job, at);
}

async function writeRequest(job: JobRow, selection: string[], { artifacts, now }: Context): Promise<string> {
  const { prompt, sample } = (await findRunRequest(artifacts, job, setAside)) ?? {};
  const { jobId, settings, maxCostUsd } = job;
  return writeRunRequest(artifacts, jobId, {
    ...{ kind: 'repair', action: 'revise', selection, prompt, sample, instruction: REPAIR_INSTRUCTION },
    ...{ settings, maxCostUsd, requestedAt: now() },
  });
}
