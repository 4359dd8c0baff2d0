import { artifactKeys } from '../../core/artifacts.ts';
import { NotFoundError } from '../../core/errors.ts';
import { REPOSITORY_PATH, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';

/** The patch, for `git apply`. Empty where nothing changed. */
export const getDiff = route(
  'GET',
  `${REPOSITORY_PATH}/diff`,
  { role: 'viewer', params: repositoryParams },
  async ({ params }, { repositories, artifacts }) => {
    const { jobId, repositoryName } = params;
    const { status, outcome } = await repositories.get(jobId, repositoryName);
    const diff = await artifacts.read(artifactKeys.diff(jobId, repositoryName));
    if (!diff && outcome !== 'unchanged') {
      throw new NotFoundError(
        `${repositoryName} has no diff: it is ${status}${outcome ? `, ${outcome}` : ''}.`,
      );
    }
    return { bytes: diff ?? Buffer.alloc(0), contentType: 'text/x-diff' };
  },
);
