import { z } from 'zod';
import { JobId } from '../../core/job.ts';
import { columnsOf, SummaryColumns } from '../../core/summary-row.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

const JobRows = z.object({ jobId: z.string(), run: z.int(), columns: SummaryColumns });

/** All rows of a job by the index of summaries: the table also holds long attributes, and diffs between the rows. */
export const getRows = route(
  'GET',
  '/jobs/{jobId}/rows',
  {
    role: 'viewer',
    summary: 'All repositories of a job in one answer, as columns.',
    params,
    hasETag: true,
    responses: { 200: JobRows },
  },
  async ({ params: { jobId } }, { jobs, repositoryIndex, reviews, artifacts }) => {
    const { run } = await jobs.get(jobId);
    const [listed, decisions] = await Promise.all([
      repositoryIndex.listRows(jobId),
      reviews.decisions(jobId, artifacts),
    ]);
    const rows = listed.map((row) => ({ ...row, review: decisions.of(row) }));
    return { json: { jobId, run, columns: columnsOf(rows) } };
  },
);
