import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { JobId, type JobRow, ShownJob } from '../../core/job.ts';
import { beginRun } from './begin-run.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

/** Analyses failed and cancelled repositories again; completed ones keep their results. */
export const retryJob = route(
  'POST',
  '/jobs/{jobId}/retry',
  {
    role: 'runner',
    summary: 'Runs again what failed or was cancelled, as the next run of the job.',
    params,
    isIdempotent: true,
    responses: { 202: ShownJob, 200: ShownJob },
    problems: [409],
  },
  async ({ params: { jobId }, headers, createdBy }, context) => {
    const prepare = async ({ status, counts }: JobRow) => {
      if (status === 'completed' && counts.failed + counts.cancelled === 0) {
        throw new ConflictError(
          `All repositories of the job ${jobId} completed, so there is nothing to retry.`,
        );
      }
      return { kind: 'retry' as const, action: 'analyze' as const };
    };
    return beginRun({ jobId, scope: 'retry', body: undefined, headers, createdBy }, prepare, context);
  },
);
