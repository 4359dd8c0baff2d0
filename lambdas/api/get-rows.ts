import { z } from 'zod';
import { JobId } from '../../core/job.ts';
import { mayTouch } from '../../core/repository-access.ts';
import { columnsOf, SummaryColumns } from '../../core/summary-row.ts';
import { route } from './route.ts';
import { requireVisibleJob } from './visible-job.ts';

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
    isFiltered: true,
    hasETag: true,
    responses: { 200: JobRows },
  },
  async ({ params: { jobId }, access, createdBy }, context) => {
    const { jobs, repositoryIndex, reviews, artifacts } = context;
    const job = await jobs.get(jobId);
    if (!access.isAll) await requireVisibleJob(job, { access, createdBy }, context);
    const [listed, decisions] = await Promise.all([
      repositoryIndex.listRows(jobId),
      reviews.decisions(jobId, artifacts),
    ]);
    const rows = listed
      .filter(({ repositoryName }) => mayTouch(access, repositoryName))
      .map((row) => ({ ...row, review: decisions.of(row) }));
    return { json: { jobId, run: job.run, columns: columnsOf(rows) } };
  },
);
