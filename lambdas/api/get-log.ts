import { NotFoundError } from '../../core/errors.ts';
import { fileNameOf, REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';
import { artifactKey, runQuery } from './run-artifacts.ts';

/** The worker's log, a line a record. */
export const getLog = route(
  'GET',
  `${REPOSITORY_PATH}/log`,
  {
    role: 'viewer',
    summary: "The worker's log of one repository.",
    params: repositoryParams,
    query: runQuery,
    hasETag: true,
    mayBeSigned: true,
    responses: { 200: { bytes: 'text/plain; charset=utf-8' } },
  },
  async ({ params, query: { run } }, context) => {
    const row = await readRow(params, context);
    const { repositoryName, status, logStream } = row;
    const key = artifactKey('log', row, run);
    const log = key && (await context.artifacts.read(key));
    if (!log && run !== undefined) throw new NotFoundError(`${repositoryName} has no log of run ${run}.`);
    if (!log) {
      throw new NotFoundError(
        `${repositoryName} has no log: its status is ${status}, and its worker has not stored one${logStream ? `. Its CloudWatch log stream is ${logStream}` : ''}.`,
      );
    }
    return {
      ...{ bytes: log, contentType: 'text/plain; charset=utf-8' },
      fileName: fileNameOf(params, 'log.txt'),
    };
  },
);
