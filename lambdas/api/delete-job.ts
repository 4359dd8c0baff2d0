import { z } from 'zod';
import { artifactKeys } from '../../core/artifacts.ts';
import { ConflictError } from '../../core/errors.ts';
import { isEnded, JobId } from '../../core/job.ts';
import { repositoryNames } from '../totals.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

/** Removes an ended job with its rows and artifacts: 204. Pull requests stay, as they are GitHub's. */
export const deleteJob = route(
  'DELETE',
  '/jobs/{jobId}',
  { role: 'admin', params },
  async ({ params: { jobId } }, storage) => {
    const { jobs, repositories, artifacts } = storage;
    const { status } = await jobs.get(jobId);
    if (!isEnded(status)) {
      throw new ConflictError(`The job ${jobId} is ${status}; cancel it before it is deleted.`);
    }
    // In this order a deletion that broke off can be repeated: the names are needed to find the rows.
    await repositories.remove(jobId, await repositoryNames(artifacts, jobId));
    await artifacts.removeAll(artifactKeys.job(jobId));
    await jobs.remove(jobId);
    return { status: 204 };
  },
);
