import { ShownRepositoryResult } from '../../core/repository-result.ts';
import { REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';

/** Everything recorded of one repository. */
export const getRepositoryResult = route(
  'GET',
  REPOSITORY_PATH,
  {
    role: 'viewer',
    summary: 'Everything recorded of one repository.',
    params: repositoryParams,
    hasETag: true,
    responses: { 200: ShownRepositoryResult },
  },
  async ({ params }, context) => ({ json: await readRow(params, context) }),
);
