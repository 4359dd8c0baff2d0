import { z } from 'zod';
import { JobId, RepositoryName } from '../../core/job.ts';
import { mayTouch } from '../../core/repository-access.ts';
import { PullRequestRecord } from '../../core/repository-result.ts';
import { route } from './route.ts';
import { requireVisibleJob } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });
const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
  /** The last name of the page before. */
  cursor: RepositoryName.optional(),
});

/** What the rows of a job do not have of a pull request. */
const ListedPullRequest = PullRequestRecord.pick({
  state: true,
  draft: true,
  checks: true,
  failing: true,
  run: true,
  warnings: true,
  autoMerge: true,
  checkedAt: true,
  error: true,
}).extend({
  repositoryName: z.string(),
  /** Absent if none was opened. */
  number: z.int().optional(),
});

const PullRequestList = z.object({
  jobId: z.string(),
  pullRequests: z.array(ListedPullRequest),
  /** Absent on the last page. */
  cursor: z.string().optional(),
});

/** The pull requests of a job, by repository: which checks fail, and why the last operation on each was refused. */
export const listPullRequests = route(
  'GET',
  '/jobs/{jobId}/pull-requests',
  {
    role: 'viewer',
    summary: 'The pull requests of a job, with the checks that fail and why the last operation was refused.',
    params,
    query,
    isFiltered: true,
    hasETag: true,
    responses: { 200: PullRequestList },
  },
  async ({ params: { jobId }, query: { limit, cursor = '' }, access, createdBy }, context) => {
    const job = await context.jobs.get(jobId);
    if (!access.isAll) await requireVisibleJob(job, { access, createdBy }, context);
    const listed = await context.repositoryIndex.pullRequests(jobId);
    const rest = listed
      .filter(({ repositoryName }) => repositoryName > cursor && mayTouch(access, repositoryName))
      .sort((a, b) => (a.repositoryName < b.repositoryName ? -1 : 1));
    const pullRequests = rest
      .slice(0, limit)
      .map(({ repositoryName, pullRequestNumber, pullRequest }) =>
        ListedPullRequest.parse({ repositoryName, number: pullRequestNumber, ...pullRequest }),
      );
    const next = rest.length > limit ? pullRequests.at(-1)?.repositoryName : undefined;
    return { json: { jobId, pullRequests, ...(next !== undefined && { cursor: next }) } };
  },
);
