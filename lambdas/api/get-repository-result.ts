import { ShownRepositoryResult } from '../../core/repository-result.ts';
import { Review } from '../../core/review.ts';
import { REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';

const RepositoryPage = ShownRepositoryResult.extend({
  /** The decision that covers its change: its own, or that of its shape. Absent if none does. */
  review: Review.optional(),
});

/** Everything recorded of one repository. */
export const getRepositoryResult = route(
  'GET',
  REPOSITORY_PATH,
  {
    role: 'viewer',
    summary: 'Everything recorded of one repository.',
    params: repositoryParams,
    hasETag: true,
    responses: { 200: RepositoryPage },
  },
  async ({ params }, context) => {
    const [row, decisions] = await Promise.all([
      readRow(params, context),
      context.reviews.decisions(params.jobId, context.artifacts),
    ]);
    const review = decisions.reviewOf(row);
    return { json: { ...row, ...(review && { review }) } };
  },
);
