import { z } from 'zod';
import { JobId } from '../../core/job.ts';
import { Review } from '../../core/review.ts';
import { route } from './route.ts';

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
    hasETag: true,
    responses: { 200: ReviewList },
  },
  async ({ params: { jobId } }, { jobs, reviews }) => {
    await jobs.get(jobId);
    return { json: { jobId, reviews: await reviews.list(jobId) } };
  },
);
