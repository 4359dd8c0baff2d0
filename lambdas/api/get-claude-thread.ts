import { z } from 'zod';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { readArtifact } from '../../core/store/artifacts.ts';
import { Thread } from '../../core/thread.ts';
import { REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';
import { ThreadView, viewThread } from './thread-view.ts';

const query = z.strictObject({
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
    responses: { 200: ThreadView },
  },
  async ({ params, query }, context) => {
    const { jobId, repositoryName } = params;
    await readRow(params, context);
    const thread = await readArtifact(context.artifacts, artifactKeys.thread(jobId, repositoryName), Thread);
    return { json: viewThread(thread, query.view, query.includeTool ?? []) };
  },
);
