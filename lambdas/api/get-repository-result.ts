import { REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';

/** Everything recorded of one repository. */
export const getRepositoryResult = route(
  'GET',
  REPOSITORY_PATH,
  { role: 'viewer', params: repositoryParams },
  async ({ params }, context) => ({ json: await readRow(params, context) }),
);
