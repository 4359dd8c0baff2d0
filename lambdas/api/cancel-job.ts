import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { JobId } from '../../core/job.ts';
import { JOB_CANCELLED } from '../end-unfinished.ts';
import { Executions } from '../executions.ts';
import { sweep } from '../sweep.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

/** Cancels a job that has not ended; a cancelled one is answered as it is. */
export const cancelJob = route(
  'POST',
  '/jobs/{jobId}/cancel',
  { params },
  async ({ params: { jobId } }, storage) => {
    const { jobs, settings, now } = storage;
    const { run, status } = await jobs.get(jobId);
    // In this order: whoever looks at the row or wants to start next sees it before anything is ended.
    const cancelled = await jobs.cancel(jobId, now());
    if (!cancelled && status !== 'cancelled') {
      throw new ConflictError(
        `The job ${jobId} has already ended as ${status}; only a pending or processing job can be cancelled.`,
      );
    }
    await jobs.stop(jobId, 'cancelled');
    await new Executions(settings).stop({ jobId, run }, 'The job was cancelled.');
    await sweep(storage, jobId, 'cancelled', JOB_CANCELLED);
    return { json: await jobs.get(jobId) };
  },
);
