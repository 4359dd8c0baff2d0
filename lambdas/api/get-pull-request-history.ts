import { z } from 'zod';
import { JobId } from '../../core/job.ts';
import { everyDay, PullRequestDay } from '../../core/pull-request-day.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

const History = z.object({
  jobId: z.string(),
  /** From the day on which the first pull request was seen, to today; oldest first. */
  days: z.array(PullRequestDay),
});

/** How the pull requests of a job fared, day by day: what a burn-down shows. */
export const getPullRequestHistory = route(
  'GET',
  '/jobs/{jobId}/pull-requests/history',
  {
    role: 'viewer',
    summary: 'How many pull requests of a job were open, green, red, merged and closed, day by day.',
    params,
    hasETag: true,
    responses: { 200: History },
  },
  async ({ params: { jobId } }, { jobs, pullRequestHistory, now }) => {
    await jobs.get(jobId);
    const days = everyDay(await pullRequestHistory.list(jobId), now().slice(0, 10));
    return { json: { jobId, days } };
  },
);
