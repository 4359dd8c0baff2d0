import { ConflictError } from '../../core/errors.ts';
import { isRunning, type JobRow } from '../../core/job.ts';
import type { RunRequest } from '../../core/run-request.ts';
import type { BoundKey } from '../../core/store/job-table.ts';
import { requireWhole } from '../../core/store/read-job.ts';
import { findRunRequest, writeRunRequest } from '../../core/store/run-requests.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';
import { measure } from '../metrics.ts';
import { Executions } from '../run/executions.ts';
import { expiresTooSoon } from '../run/last-days.ts';
import { mendedJob } from '../run/mended-job.ts';
import { keepRecord } from '../run/run-record.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';
import { fingerprintOf, idempotencyKey } from './idempotency.ts';
import { hasJoined, joinRun } from './join-run.ts';
import { refuseWhileDrained } from './refuse-while-drained.ts';
import type { RouteInput, RouteOutput } from './route.ts';
import { stillRunning } from './still-running.ts';
import { requireVisibleJob } from './visible-job.ts';

/** The request that asks for a run. */
type Asked = Pick<RouteInput<unknown, unknown, unknown>, 'headers' | 'createdBy' | 'access'> & {
  jobId: string;
  /** Separates the Idempotency-Keys of different routes. */
  scope: string;
  body: unknown;
};

/** The run to reserve. The job's prompt, settings and cap stay as they are if it has none. */
export type RunToBegin = Pick<RunRequest, 'kind' | 'action'> & Partial<RunRequest>;

/**
 * Reserves the next run of a job that is not running and starts its execution: 202 with the job, or 200 if an earlier
 * request with the same Idempotency-Key reserved a run. A refused request binds no key, so it can be sent again. `prepare`
 * returns what the run does, and throws ConflictError if there is nothing to do. With `mayJoin`, a run that is under way
 * does it too: 202 with that run.
 */
export async function beginRun(
  { jobId, scope, body, headers, createdBy, access }: Asked,
  prepare: (job: JobRow) => Promise<RunToBegin>,
  context: Context,
  { mayJoin = false }: { mayJoin?: boolean } = {},
): Promise<RouteOutput> {
  const { jobs, settings, now } = context;
  const shown = (job: JobRow) => requireVisibleJob(job, { access, createdBy }, context);
  const key = idempotencyKey(headers, { createdBy, scope: `${jobId}/${scope}` });
  const fingerprint = fingerprintOf(body ?? {});
  await mendedJob(jobId, context);
  const { job, boundKeys } = await jobs.getWithKeys(jobId, now());
  if (isAsked(boundKeys, key, fingerprint)) return { json: await shown(await resume(job, context)) };
  if (mayJoin && (await hasJoined(job, { key, fingerprint }, context))) return { json: await shown(job) };
  const run = job.run + 1;
  try {
    requireWhole(job);
    refuseLastDays(job, now());
    // What joins a run that is under way starts nothing.
    if (!isRunning(job.status)) await refuseWhileDrained(context);
    const toBegin = await prepare(job);
    if (isRunning(job.status) && !mayJoin) throw await stillRunning(jobId, shown, context);
    const { action, settings: ofRepository, maxCostUsd } = toBegin;
    const request = await unlessDeleted(jobId, context, () => writeRequest(job, toBegin, createdBy, context));
    if (isRunning(job.status))
      return { status: 202, json: await shown(await joinRun(job, request, { key, fingerprint }, context)) };
    await keepRecord(job, context);
    const reserved = await jobs.reserveRun(
      jobId,
      job.run,
      {
        ...{ action, request, settings: ofRepository, maxCostUsd, endsWait: toBegin.kind === 'continue' },
        ...(key && { boundKeys: [...boundKeys, { key, fingerprint, run, at: now() }] }),
      },
      now(),
    );
    if (!reserved) throw await stillRunning(jobId, shown, context);
    await new Executions(settings).startReserved({ jobId, run, action });
    measure({ values: { StartedRuns: 1 }, about: { jobId } });
  } catch (error) {
    // The same request, sent twice at once, may have reserved the run first.
    if (!(error instanceof ConflictError)) throw error;
    const current = await jobs.getWithKeys(jobId, now());
    if (!isAsked(current.boundKeys, key, fingerprint)) throw error;
    return { json: await shown(await resume(current.job, context)) };
  }
  return { status: 202, json: await shown(await jobs.get(jobId)) };
}

/** Stores what the run is asked for, with the prompt of the request before if it has no other. Returns the key. */
async function writeRequest(
  job: JobRow,
  toBegin: RunToBegin,
  createdBy: string | undefined,
  { artifacts, now }: Context,
): Promise<string> {
  const { prompt, sample } = (await findRunRequest(artifacts, job, setAside)) ?? {};
  const { settings, maxCostUsd } = job;
  return writeRunRequest(artifacts, job.jobId, {
    ...{ prompt, sample, settings, maxCostUsd, ...toBegin },
    requestedBy: createdBy,
    requestedAt: now(),
  });
}

function isAsked(boundKeys: readonly BoundKey[], key: string | undefined, fingerprint: string): boolean {
  const before = key === undefined ? undefined : boundKeys.find((bound) => bound.key === key);
  if (before && before.fingerprint !== fingerprint) {
    throw new ConflictError(
      `This Idempotency-Key was already used with another body, for run ${before.run}. Send a new key.`,
    );
  }
  return before !== undefined;
}

/** Starts the execution if the first request failed before that. Starting it twice is safe. */
async function resume(job: JobRow, { settings, jobs }: Context): Promise<JobRow> {
  if (isRunning(job.status) && !job.executionArn) await new Executions(settings).startReserved(job);
  return jobs.get(job.jobId);
}

/** Refuses a run that the job could expire under. */
function refuseLastDays(job: JobRow, at: string): void {
  if (!expiresTooSoon(job, at)) return;
  throw new ConflictError(
    `The job ${job.jobId} expires at ${job.expiresAt}, which is too soon for another run. Create a new job (POST /jobs).`,
  );
}
