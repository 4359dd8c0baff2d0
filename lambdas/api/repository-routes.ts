import { z } from 'zod';
import { JobId, NameInOwner, OwnerName } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import type { Context } from '../context.ts';

/** `owner%2Fname` is the same route as `owner/name`: HTTP APIs decode the path before they match it. */
export const REPOSITORY_PATH = '/jobs/{jobId}/repositories/{owner}/{name}';

export const repositoryParams = z
  .strictObject({ jobId: JobId, owner: OwnerName, name: NameInOwner })
  .transform(({ jobId, owner, name }) => ({ jobId, repositoryName: `${owner}/${name}` }));

/** The name of a download: no name of a repository has anything but letters, digits and `._-`. */
export function fileNameOf({ repositoryName }: { repositoryName: string }, name: string): string {
  return `${repositoryName.replace('/', '__')}-${name}`;
}

/** Throws NotFoundError if the job was deleted, even if its rows are not removed yet. */
export async function readRow(
  { jobId, repositoryName }: { jobId: string; repositoryName: string },
  { jobs, repositories }: Pick<Context, 'jobs' | 'repositories'>,
): Promise<RepositoryResult> {
  const [, row] = await Promise.all([jobs.get(jobId), repositories.find(jobId, repositoryName)]);
  return row ?? repositories.get(jobId, repositoryName);
}
