import { z } from 'zod';
import { JobId } from '../../core/job.ts';
import { Review } from '../../core/review.ts';
import type { Context } from '../context.ts';
import { route } from './route.ts';
import { touchableNames } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });

const ReviewList = z.object({ jobId: z.string(), reviews: z.array(Review) });

/** The recorded decisions. Whether one still covers a repository's change is in the rows, as `review`. */
export const listReviews = route(
  'GET',
  '/jobs/{jobId}/reviews',
  {
    role: 'viewer',
    summary: "The decisions about a job's changes, one for each decided shape or repository.",
    params,
    isFiltered: true,
    hasETag: true,
    responses: { 200: ReviewList },
  },
  async ({ params: { jobId }, access, createdBy }, context) => {
    const { jobs, reviews } = context;
    await jobs.get(jobId);
    const mine = await touchableNames(jobId, { access, createdBy }, context);
    const all = await reviews.list(jobId);
    return { json: { jobId, reviews: mine ? await ofMine(jobId, all, new Set(mine), context) : all } };
  },
);

/** The decisions about changes that the caller may see; that of a shape covers those of them without one of their own. */
async function ofMine(
  jobId: string,
  all: readonly Review[],
  mine: ReadonlySet<string>,
  { reviews, artifacts }: Context,
): Promise<Review[]> {
  const own = new Map(all.map((review) => [review.repositoryName, review]));
  const hasOwn = (name: string, { decidedAt }: Review) => {
    const before = own.get(name);
    return before !== undefined && before.decision !== 'undecided' && before.decidedAt <= decidedAt;
  };
  const shown = await Promise.all(
    all.map(async (review) => {
      const { repositoryName } = review;
      if (repositoryName !== undefined) return mine.has(repositoryName) ? [review] : [];
      const names = (await reviews.covered(jobId, review, artifacts)).filter((name) => mine.has(name));
      const covers = names.filter((name) => !hasOwn(name, review)).length;
      return names.length > 0 ? [{ ...review, covers }] : [];
    }),
  );
  return shown.flat();
}
