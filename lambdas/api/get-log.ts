import { artifactKeys } from '../../core/store/artifacts.ts';
import { NotFoundError } from '../../core/errors.ts';
import { REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';

/** The worker's log, a line a record. */
export const getLog = route(
  'GET',
  `${REPOSITORY_PATH}/log`,
  { role: 'viewer', params: repositoryParams },
  async ({ params }, storage) => {
    const { jobId, repositoryName } = params;
    const { status, logStream } = await readRow(params, storage);
    const log = await storage.artifacts.read(artifactKeys.log(jobId, repositoryName));
    if (!log) {
      throw new NotFoundError(
        `${repositoryName} is ${status} and its worker has left no log here${logStream ? `; its log stream is ${logStream}` : ''}.`,
      );
    }
    return { bytes: log, contentType: 'text/plain; charset=utf-8' };
  },
);
