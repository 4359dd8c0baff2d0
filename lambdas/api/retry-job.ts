import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { JobId } from '../../core/job.ts';
import { Executions } from '../executions.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

/** Runs again what failed or was cancelled; what completed keeps its results. */
export const retryJob = route(
  'POST',
  '/jobs/{jobId}/retry',
  { role: 'runner', params },
  async ({ params: { jobId } }, storage) => {
    const { jobs, settings, now } = storage;
    const { run, status, counts } = await jobs.get(jobId);
    if (status === 'completed' && counts.failed + counts.cancelled === 0) {
      throw new ConflictError(
        `Every repository of the job ${jobId} completed; there is nothing to run again.`,
      );
    }
    if (!(await jobs.reserveRun(jobId, run, { action: 'analyze' }, now()))) {
      const current = await jobs.get(jobId);
      throw new ConflictError(
        `The job ${jobId} is ${current.status}, run ${current.run}; only a job that has ended can run again.`,
      );
    }
    await new Executions(settings).start({ jobId, run: run + 1, action: 'analyze' });
    return { status: 202, json: await jobs.get(jobId) };
  },
);
