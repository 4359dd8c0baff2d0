import { z } from 'zod';
import { JobId, RepositoryName } from '../../core/job.ts';

/** `owner%2Fname` is the same route as `owner/name`: HTTP APIs decode the path before they match it. */
export const REPOSITORY_PATH = '/jobs/{jobId}/repositories/{owner}/{name}';

export const repositoryParams = z
  .strictObject({ jobId: JobId, owner: z.string(), name: z.string() })
  .transform(({ jobId, owner, name }) => ({ jobId, repositoryName: `${owner}/${name}` }))
  .pipe(z.object({ jobId: z.string(), repositoryName: RepositoryName }));
