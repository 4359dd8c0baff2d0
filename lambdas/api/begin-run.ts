import { ConflictError } from '../../core/errors.ts';
import { isEnded, type JobRow } from '../../core/job.ts';
import type { RunRequest, RunToReserve } from '../../core/store/job-table.ts';
import { requireWhole } from '../../core/store/read-job.ts';
import type { Context } from '../context.ts';
import { Executions } from '../run/executions.ts';
import { mendedJob } from '../run/mended-job.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';
import { fingerprintOf, idempotencyKey } from './idempotency.ts';
import type { RouteInput, RouteOutput } from './route.ts';

/** Who asks for the run, and with which Idempotency-Key and body. */
type Asked = Pick<RouteInput<unknown, unknown, unknown>, 'headers' | 'createdBy'> & {
  jobId: string;
  /** Keeps the keys of one kind of request apart from those of another. */
  scope: string;
  body: unknown;
};

/**
 * Reserves the next run of a job that has ended and starts its execution: 202 with the job. 200 where a request with the
 * same Idempotency-Key has reserved a run before. A refused request binds no key, so that it may be sent again.
 * `prepare` says what the run is to do, and throws ConflictError where there is nothing to do.
 */
export async function beginRun(
  { jobId, scope, body, headers, createdBy }: Asked,
  prepare: (job: JobRow) => Promise<RunToReserve>,
  context: Context,
): Promise<RouteOutput> {
  const { jobs, settings, now } = context;
  const key = idempotencyKey(headers, { createdBy, scope: `${jobId}/${scope}` });
  const fingerprint = fingerprintOf(body ?? {});
  await mendedJob(jobId, context);
  const { job, requests } = await jobs.getWithRequests(jobId, now());
  if (isAsked(requests, key, fingerprint)) return { json: await resume(job, context) };
  const run = job.run + 1;
  try {
    requireWhole(job);
    refuseLastDays(job, now());
    const request = await unlessDeleted(jobId, context, () => prepare(job));
    const asked = key && { requests: [...requests, { key, fingerprint, run, at: now() }] };
    if (!isEnded(job.status) || !(await jobs.reserveRun(jobId, job.run, { ...request, ...asked }, now())))
      throw await notEnded(jobId, context);
    await new Executions(settings).start({ jobId, run, action: request.action });
  } catch (error) {
    // The same request may have been here twice at once, and the other one was first.
    if (!(error instanceof ConflictError)) throw error;
    const current = await jobs.getWithRequests(jobId, now());
    if (!isAsked(current.requests, key, fingerprint)) throw error;
    return { json: await resume(current.job, context) };
  }
  return { status: 202, json: await jobs.get(jobId) };
}

function isAsked(requests: readonly RunRequest[], key: string | undefined, fingerprint: string): boolean {
  const before = key === undefined ? undefined : requests.find((request) => request.key === key);
  if (before && before.fingerprint !== fingerprint) {
    throw new ConflictError(
      `This Idempotency-Key was used for another body, which began run ${before.run}. Give each request a key of its own.`,
    );
  }
  return before !== undefined;
}

/** The first request may have died before the execution was started; a second start is the same execution. */
async function resume(job: JobRow, { settings, jobs }: Context): Promise<JobRow> {
  if (!isEnded(job.status) && !job.executionArn) await new Executions(settings).start(job);
  return jobs.get(job.jobId);
}

/** Long enough for a run to end: one state of it may take a week. */
const LAST_DAYS = 7;

/** A run would lose its results while it works. Of a job that lives for less than two weeks, the last half counts. */
function refuseLastDays({ jobId, createdAt, expiresAt }: JobRow, at: string): void {
  if (expiresAt === undefined) return;
  const [created, expires] = [Date.parse(createdAt), Date.parse(expiresAt)];
  if (Date.parse(at) < Math.max(expires - LAST_DAYS * 86_400_000, (created + expires) / 2)) return;
  throw new ConflictError(
    `The job ${jobId} and all its results are removed at ${expiresAt}; in its last days it cannot run again. Post a new job.`,
  );
}

async function notEnded(jobId: string, { jobs }: Context): Promise<ConflictError> {
  const { status, run } = await jobs.get(jobId);
  return new ConflictError(
    `The job ${jobId} is ${status}, run ${run}; only a job that has ended can run again.`,
  );
}
