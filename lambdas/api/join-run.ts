import { ConflictError } from '../../core/errors.ts';
import { isRunning, type JobRow } from '../../core/job.ts';
import type { Publication } from '../../core/store/publications.ts';
import type { Context } from '../context.ts';

type Keyed = { key: string | undefined; fingerprint: string };

/**
 * Whether an earlier request with this Idempotency-Key has joined a run of the job, which has taken it or still will.
 * Throws ConflictError if it had another body.
 */
export async function hasJoined(
  job: JobRow,
  { key, fingerprint }: Keyed,
  { publications, now }: Context,
): Promise<boolean> {
  if (key === undefined) return false;
  const before = await publications.find(job.jobId, key, now());
  return before !== undefined && isBound(before, job) && requireSame(before, fingerprint);
}

/**
 * Lets the run that is under way open the pull requests that a request asks for, once its analysis has ended. Throws
 * ConflictError if the run has already listed its pull requests, or ended in the meantime.
 */
export async function joinRun(
  { jobId, run }: JobRow,
  request: string,
  { key, fingerprint }: Keyed,
  { jobs, publications, now }: Context,
): Promise<JobRow> {
  const added = await publications.add(jobId, { run, request, key, fingerprint, at: now() });
  const job = await jobs.get(jobId);
  if (added && isBound(await current(added, jobId), job) && requireSame(added, fingerprint)) return job;
  throw new ConflictError(
    `Run ${run} of the job ${jobId} opens the pull requests that were asked for before, and takes no more. Wait for its end, then send the request again.`,
  );

  /** A run may have taken the publication and ended since it was added. */
  async function current(publication: Publication, jobId: string): Promise<Publication> {
    if (job.run === publication.run && isRunning(job.status)) return publication;
    const all = await publications.ofRun({ jobId, run: publication.run });
    return all.find((one) => one.request === publication.request) ?? publication;
  }
}

/** A run that was cancelled or failed before it took a publication does not open its pull requests. */
function isBound({ run, taken }: Publication, job: JobRow): boolean {
  return taken === true || (job.run === run && isRunning(job.status));
}

function requireSame(before: Publication, fingerprint: string): true {
  if (before.fingerprint === fingerprint) return true;
  throw new ConflictError(
    `This Idempotency-Key was already used with another body, for run ${before.run}. Send a new key.`,
  );
}
