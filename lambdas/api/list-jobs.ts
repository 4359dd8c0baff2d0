import { z } from 'zod';
import { JobStatus, ShownJob } from '../../core/job.ts';
import { withFreshCounts } from '../run/fresh-counts.ts';
import { route } from './route.ts';

const query = z.strictObject({
  status: JobStatus.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().optional(),
});

const JobList = z.object({
  jobs: z.array(ShownJob),
  /** Absent on the last page. */
  cursor: z.string().optional(),
});

/** Jobs with their counts, newest first. */
export const listJobs = route(
  'GET',
  '/jobs',
  {
    role: 'viewer',
    summary: 'Jobs with their counts, newest first.',
    query,
    responses: { 200: JobList },
  },
  async ({ query }, context) => {
    const { jobs, cursor } = await context.jobs.list(query);
    return { json: { jobs: await Promise.all(jobs.map((job) => withFreshCounts(job, context))), cursor } };
  },
);
