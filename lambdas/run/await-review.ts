import { isRunning, type JobRow } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { type Decisions, isReviewable, type Reviewable } from '../../core/review.ts';
import type { Context } from '../context.ts';

/** Decisions that arrive while one is counted are counted again. */
const MAX_COUNTS = 5;

type Row = Reviewable & Pick<RepositoryResult, 'outcome'>;

/** How many changes a job that requires reviews has without a decision; 0 for any other job. */
export function undecidedOf(job: Pick<JobRow, 'review'>, rows: readonly Row[], decisions: Decisions): number {
  if (job.review !== 'required') return 0;
  return rows.filter((row) => isReviewable(row) && decisions.of(row) === undefined).length;
}

/**
 * Gives a job that requires reviews, and does not run, the status that its decisions call for: `waiting` while a change is
 * undecided, or else `completed`. A job that waits for its sample, or was cancelled or failed, keeps its status.
 * `known` are the job's rows, if they have been read.
 */
export async function settleReview(jobId: string, context: Context, known?: readonly Row[]): Promise<void> {
  const { jobs, reviews, repositoryIndex, artifacts, now } = context;
  for (let count = 0, before: boolean | undefined; count < MAX_COUNTS; count += 1) {
    const job = await jobs.get(jobId);
    if (job.review !== 'required' || isRunning(job.status)) return;
    const [rows, decisions] = await Promise.all([
      known ?? repositoryIndex.listRows(jobId),
      reviews.decisions(jobId, artifacts),
    ]);
    const isUndecided = undecidedOf(job, rows, decisions) > 0;
    if (isUndecided === before) return;
    before = isUndecided;
    await jobs.settleReview(jobId, job.run, isUndecided, now());
  }
}
