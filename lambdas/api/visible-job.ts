import { NotFoundError } from '../../core/errors.ts';
import { inParallel } from '../../core/in-parallel.ts';
import { countsOf, isEnded, type JobRow, type PullRequestCounts, type ReadStatus } from '../../core/job.ts';
import { mayTouch, type RepositoryAccess } from '../../core/repository-access.ts';
import type { Readable } from '../../core/store/stored.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import type { Context } from '../context.ts';
import { heldNames } from '../run/intake.ts';
import { knownNames } from './known-names.ts';
import { HttpError } from './problem.ts';

/** Who asks, and which repositories the caller may touch. */
export type Viewer = { access: RepositoryAccess; createdBy: string | undefined };

type ShownRow = Readable<JobRow>;
type PartOfJob = Omit<ShownRow, 'tokenUsage'>;

/** The part of a job's repositories that a caller may touch: all, some with their names, or none. */
type Share = { kind: 'all' } | { kind: 'some'; names: string[]; held: number } | { kind: 'none' };

/**
 * The job as a caller sees it: without the repositories that the caller may not touch, in its counts and its cost too.
 * Undefined if the caller may touch none of them. Until they are listed, only the job's creator sees it.
 */
export async function visibleJob(
  job: ShownRow,
  viewer: Viewer,
  context: Context,
): Promise<ShownRow | PartOfJob | undefined> {
  const share = await shareOf(job, viewer, context);
  if (share.kind === 'all') return job;
  if (share.kind === 'none') return undefined;
  const { tokenUsage: _, costUsd: __, pullRequests: ___, error: ____, held: _____, ...shown } = job;
  return { ...shown, ...(await sumsOf(job, share, viewer, context)) };
}

/** The same. Throws NotFoundError, as for a job that does not exist, if the caller sees nothing of it. */
export async function requireVisibleJob(job: ShownRow, viewer: Viewer, context: Context) {
  const shown = await visibleJob(job, viewer, context);
  if (!shown) throw new NotFoundError(`The job ${job.jobId} does not exist.`);
  return shown;
}

/** Jobs whose rows are read at once: a page of rows has 1 MB. */
const JOBS_AT_ONCE = 8;

/** Those of the jobs that the caller sees, as the caller sees them, in their order. */
export async function visibleJobs(
  jobs: readonly ShownRow[],
  viewer: Viewer,
  context: Context,
): Promise<(ShownRow | PartOfJob)[]> {
  if (viewer.access.isAll) return [...jobs];
  const shown = new Map<number, ShownRow | PartOfJob>();
  await inParallel([...jobs.entries()], JOBS_AT_ONCE, async ([i, job]) => {
    const seen = await visibleJob(job, viewer, context);
    if (seen) shown.set(i, seen);
  });
  return jobs.flatMap((_, i) => shown.get(i) ?? []);
}

/**
 * The names of the job's repositories that the caller may touch; undefined if nothing of the job is hidden from the caller.
 * Throws NotFoundError, as for a job that does not exist, if there are none.
 */
export async function touchableNames(
  jobId: string,
  viewer: Viewer,
  context: Context,
): Promise<string[] | undefined> {
  if (viewer.access.isAll) return undefined;
  const share = await shareOf(await context.jobs.get(jobId), viewer, context);
  if (share.kind === 'none') throw new NotFoundError(`The job ${jobId} does not exist.`);
  return share.kind === 'some' ? share.names : undefined;
}

/** Throws 404 if the caller sees nothing of the job, and 403 if only a part of it. */
export async function requireAllOfJob(jobId: string, viewer: Viewer, context: Context): Promise<void> {
  if ((await touchableNames(jobId, viewer, context)) === undefined) return;
  throw new HttpError(
    403,
    `This concerns all repositories of the job ${jobId}, and you may touch only some of them. Ask an operator for the others (REPOSITORY_GROUPS), or a person who may touch all.`,
  );
}

async function shareOf(
  job: ShownRow,
  { access, createdBy }: Viewer,
  context: Pick<Context, 'artifacts' | 'repositoryIndex'>,
): Promise<Share> {
  if (access.isAll) return { kind: 'all' };
  const known = await knownNames(job, context);
  if (known.length === 0)
    return { kind: createdBy !== undefined && job.createdBy === createdBy ? 'all' : 'none' };
  const names = known.filter((name) => mayTouch(access, name));
  const allHeld = job.held ? await heldNames(job.jobId, known, context) : [];
  const held = allHeld.filter((name) => mayTouch(access, name)).length;
  if (names.length === known.length && held === allHeld.length) return { kind: 'all' };
  return names.length + held > 0 ? { kind: 'some', names, held } : { kind: 'none' };
}

type Sums = Pick<JobRow, 'counts' | 'pullRequests' | 'costUsd' | 'held'>;

/** A list of jobs would read all rows of each again. */
const KEPT_MS = 60_000;
const MAX_KEPT = 1000;
const kept = new Map<string, { at: number; sums: Sums }>();

async function sumsOf(
  job: ShownRow,
  share: Extract<Share, { kind: 'some' }>,
  { access }: Viewer,
  { repositoryIndex, now }: Context,
): Promise<Sums> {
  const key = JSON.stringify([job.jobId, job.run, job.updatedAt, access.groups]);
  const at = Date.parse(now());
  const known = kept.get(key);
  if (known && at - known.at < KEPT_MS) return known.sums;
  const sums = {
    ...(await sum(repositoryIndex.rowPages(job.jobId), new Set(share.names))),
    ...(share.held > 0 && { held: share.held }),
  };
  if (!isEnded(job.status)) return sums;
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
  kept.set(key, { at, sums });
  return sums;
}

/** The sums over the rows with these names. */
async function sum(pages: AsyncIterable<SummaryRow[]>, names: ReadonlySet<string>): Promise<Sums> {
  const byStatus: { [status in ReadStatus]?: number } = {};
  const pullRequests: PullRequestCounts = { open: 0, merged: 0, closed: 0, failed: 0 };
  let [rows, waiting, costUsd] = [0, 0, 0];
  for await (const page of pages) {
    for (const { repositoryName, status, waiting: waits, prState, costUsd: cost = 0 } of page) {
      if (!names.has(repositoryName)) continue;
      rows += 1;
      byStatus[status] = (byStatus[status] ?? 0) + 1;
      if (status === 'processing' && waits) waiting += 1;
      if (prState) pullRequests[prState] += 1;
      costUsd += cost;
    }
  }
  // A repository without a row has not begun.
  byStatus.pending = (byStatus.pending ?? 0) + Math.max(0, names.size - rows);
  const hasPullRequests = Object.values(pullRequests).some((count) => count > 0);
  return {
    counts: { ...countsOf(byStatus), ...(waiting > 0 && { waiting }) },
    ...(hasPullRequests && { pullRequests }),
    ...(costUsd > 0 && { costUsd: Number(costUsd.toFixed(6)) }),
  };
}
