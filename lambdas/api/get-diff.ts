import { NotFoundError } from '../../core/errors.ts';
import { REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';
import { artifactKey, runQuery } from './run-artifacts.ts';

/** The patch, for `git apply`. Empty if nothing changed. */
export const getDiff = route(
  'GET',
  `${REPOSITORY_PATH}/diff`,
  {
    role: 'viewer',
    summary: 'The patch of one repository, for git apply; empty if nothing changed.',
    params: repositoryParams,
    query: runQuery,
    hasETag: true,
    responses: { 200: { bytes: 'text/x-diff' } },
  },
  async ({ params, query: { run } }, context) => {
    const row = await readRow(params, context);
    const { repositoryName, status, outcome } = row;
    const key = artifactKey('diff', row, run);
    const diff = key ? await context.artifacts.read(key) : undefined;
    if (!diff && run !== undefined) throw new NotFoundError(`${repositoryName} has no diff of run ${run}.`);
    if (!diff && outcome !== 'unchanged') {
      throw new NotFoundError(
        `${repositoryName} has no diff: its status is ${status}${outcome ? ` and its outcome is ${outcome}` : ''}.`,
      );
    }
    return { bytes: diff ?? Buffer.alloc(0), contentType: 'text/x-diff' };
  },
);
