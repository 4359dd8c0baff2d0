import { REPOSITORY_PATH, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';

/** Everything recorded of one repository. */
export const getRepositoryResult = route(
  'GET',
  REPOSITORY_PATH,
  { role: 'viewer', params: repositoryParams },
  async ({ params }, { repositories }) => ({
    json: await repositories.get(params.jobId, params.repositoryName),
  }),
);
