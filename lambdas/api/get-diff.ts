import { createHash } from 'node:crypto';
import { NotFoundError } from '../../core/errors.ts';
import { ChangeShapes } from '../../core/repository-result.ts';
import { fileNameOf, REPOSITORY_PATH, readRow, repositoryParams } from './repository-routes.ts';
import { route } from './route.ts';
import { artifactKey, runQuery } from './run-artifacts.ts';

const query = runQuery.extend({
  patchSha: ChangeShapes.shape.patchSha.meta({
    description: 'The SHA-256 of the patch, as the row has it. The answer may then be cached for a year.',
  }),
});

/** Of an answer whose digest is in the URL: it never changes. */
const IMMUTABLE = { 'cache-control': 'private, max-age=31536000, immutable' };

/** The patch, for `git apply`. Empty if nothing changed. */
export const getDiff = route(
  'GET',
  `${REPOSITORY_PATH}/diff`,
  {
    role: 'viewer',
    summary: 'The patch of one repository, for git apply; empty if nothing changed.',
    params: repositoryParams,
    query,
    hasETag: true,
    mayBeSigned: true,
    responses: { 200: { bytes: 'text/x-diff' } },
  },
  async ({ params, query: { run, patchSha } }, context) => {
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
    const bytes = diff ?? Buffer.alloc(0);
    if (patchSha !== undefined) requireDigest(repositoryName, bytes, patchSha);
    return {
      ...{ bytes, contentType: 'text/x-diff', fileName: fileNameOf(params, 'diff.patch') },
      ...(patchSha !== undefined && { headers: IMMUTABLE }),
    };
  },
);

/** Throws NotFoundError for another patch than the one that the caller means. */
function requireDigest(repositoryName: string, patch: Buffer, expected: string): void {
  const digest = createHash('sha256').update(patch).digest('hex');
  if (digest === expected) return;
  throw new NotFoundError(
    `${repositoryName} has no patch with the SHA-256 ${expected}; the present one has ${digest}. Read the job's rows again, or leave out patchSha.`,
  );
}
