import { z } from 'zod';
import { DamagedArtifactError, NotFoundError } from '../../core/errors.ts';
import { findArtifact } from '../../core/store/artifacts.ts';
import { Thread } from '../../core/thread.ts';
import { fileNameOf, REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';
import { artifactKey, runQuery } from './run-artifacts.ts';
import { ThreadView, viewThread } from './thread-view.ts';

const query = runQuery.extend({
  view: z.enum(['standard', 'technical', 'simplified']).default('standard'),
  /** Names of tools whose calls and results are shown in full, separated by commas; `true` for all tools. */
  includeTool: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    )
    .optional(),
});

/** The conversation with the model, in the view that the reader wants. */
export const getClaudeThread = route(
  'GET',
  `${REPOSITORY_PATH}/claude-thread`,
  {
    role: 'viewer',
    summary: 'The conversation with the model about one repository.',
    params: repositoryParams,
    query,
    hasETag: true,
    mayBeSigned: true,
    responses: { 200: ThreadView },
  },
  async ({ params, query }, context) => {
    const row = await readRow(params, context);
    const key = artifactKey('thread', row, query.run);
    const thread = key && (await findArtifact(context.artifacts, key, Thread, throwDamaged));
    if (!thread && query.run !== undefined)
      throw new NotFoundError(`${row.repositoryName} has no conversation of run ${query.run}.`);
    if (!thread) {
      throw new NotFoundError(
        `${row.repositoryName} has no conversation: its status is ${row.status}, and its worker has not stored one.`,
      );
    }
    return {
      json: viewThread(thread, query.view, query.includeTool ?? []),
      fileName: fileNameOf(params, 'thread.json'),
    };
  },
);

function throwDamaged(reason: string): never {
  throw new DamagedArtifactError(reason);
}
