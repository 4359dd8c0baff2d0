import type { JobRow } from '../../core/job.ts';
import type { AskedOperation } from '../../core/pull-request-operation.ts';
import { digestOfChanges, type Review } from '../../core/review.ts';
import type { ApiClient } from '../connect/api-client.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { findShape, shapesOf } from '../jobs/shapes.ts';

/** The shapes of a job's changes, with the digest that an approval needs. */
export async function shapesWithDigests(api: ApiClient, jobId: string) {
  return shapesOf(await api.getRows(jobId)).map(({ shape, rows }) => ({
    shape,
    repositories: rows.map(({ repositoryName, review }) => ({ repositoryName, review })),
    seen: digestOfChanges(
      rows.flatMap(({ repositoryName, patchSha }) => (patchSha ? [{ repositoryName, patchSha }] : [])),
    ),
  }));
}

type Decision = { decision: Review['decision']; shape: string; seen: string; note?: string };

export async function reviewChanges(api: ApiClient, jobId: string, review: Decision): Promise<Review[]> {
  const { shape } = findShape(await api.getRows(jobId), review.shape);
  return api.review(jobId, { ...review, shape });
}

export async function publishChanges(
  api: ApiClient,
  jobId: string,
  given: readonly string[] | undefined,
  approvedOnly: boolean,
  asked: AskedOperation = {},
): Promise<JobRow> {
  const known = given && (await api.getRows(jobId)).map(({ repositoryName }) => repositoryName);
  return api.openPullRequests(jobId, {
    ...(given && { repositories: findNames(given, known!) }),
    ...(approvedOnly && { approved: true as const }),
    ...asked,
  });
}
