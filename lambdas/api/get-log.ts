import { NotFoundError } from '../../core/errors.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';

/** The worker's log, a line a record. */
export const getLog = route(
  'GET',
  `${REPOSITORY_PATH}/log`,
  {
    role: 'viewer',
    summary: "The worker's log of one repository.",
    params: repositoryParams,
    hasETag: true,
    responses: { 200: { bytes: 'text/plain; charset=utf-8' } },
  },
  async ({ params }, context) => {
    const { jobId, repositoryName } = params;
    const { status, logStream } = await readRow(params, context);
    const log = await context.artifacts.read(artifactKeys.log(jobId, repositoryName));
    if (!log) {
      throw new NotFoundError(
        `${repositoryName} has no log: its status is ${status}, and its worker has not stored one${logStream ? `. Its CloudWatch log stream is ${logStream}` : ''}.`,
      );
    }
    return { bytes: log, contentType: 'text/plain; charset=utf-8' };
  },
);
