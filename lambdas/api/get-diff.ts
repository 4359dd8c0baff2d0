import { NotFoundError } from '../../core/errors.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';

/** The patch, for `git apply`. Empty if nothing changed. */
export const getDiff = route(
  'GET',
  `${REPOSITORY_PATH}/diff`,
  {
    role: 'viewer',
    summary: 'The patch of one repository, for git apply; empty if nothing changed.',
    params: repositoryParams,
    hasETag: true,
    responses: { 200: { bytes: 'text/x-diff' } },
  },
  async ({ params }, context) => {
    const { status, outcome, artifacts } = await readRow(params, context);
    const { jobId, repositoryName } = params;
    // The row decides: the artifact may be of an earlier run.
    const key = artifacts?.diff && artifactKeys.diff(jobId, repositoryName);
    const diff = key ? await context.artifacts.read(key) : undefined;
    if (!diff && outcome !== 'unchanged') {
      throw new NotFoundError(
        `${repositoryName} has no diff: its status is ${status}${outcome ? ` and its outcome is ${outcome}` : ''}.`,
      );
    }
    return { bytes: diff ?? Buffer.alloc(0), contentType: 'text/x-diff' };
  },
);
