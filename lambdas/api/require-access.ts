import { NotFoundError } from '../../core/errors.ts';
import { mayTouch } from '../../core/repository-access.ts';
import type { Context } from '../context.ts';
import { HttpError } from './problem.ts';
import { requireAllOfJob, type Viewer } from './visible-job.ts';

/**
 * Checks that the caller may touch what the path names. Throws 404, as for one that does not exist, for a repository that the
 * caller may not touch, and 403 if the route is about all repositories of a job, or of all jobs, and the caller may not touch all.
 */
export async function requireAccess(params: unknown, viewer: Viewer, context: Context): Promise<void> {
  if (viewer.access.isAll) return;
  const { jobId, repositoryName } = params as { jobId?: string; repositoryName?: string };
  if (jobId === undefined) return requireAll(viewer);
  if (repositoryName === undefined) return requireAllOfJob(jobId, viewer, context);
  if (!mayTouch(viewer.access, repositoryName))
    throw new NotFoundError(`The job ${jobId} has no repository ${repositoryName}.`);
}

/** Throws 403 if the caller may touch only some repositories. */
export function requireAll({ access }: Viewer): void {
  if (access.isAll) return;
  throw new HttpError(
    403,
    'This concerns all repositories, and you may touch only some of them. Ask an operator for the others (REPOSITORY_GROUPS).',
  );
}
