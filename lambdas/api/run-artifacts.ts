import { z } from 'zod';
import type { ArtifactKeys, RepositoryResult } from '../../core/repository-result.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';

/** Selects the run whose artifact is read. */
export const runQuery = z.strictObject({
  run: z.coerce
    .number()
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .meta({ description: 'The run whose artifact is shown. Without it, that of the result on the row.' }),
});

/** What a worker stores before its repository ends, each time that it leaves because the model's service is throttled. */
const STORED_EARLY: readonly (keyof ArtifactKeys)[] = ['log', 'thread'];

/**
 * The key of an artifact of the row's result, or of another run. For a repository without a result, that of what its present
 * run has stored so far, which may be nothing. Undefined if the result has none.
 */
export function artifactKey(
  name: keyof ArtifactKeys,
  row: RepositoryResult,
  run: number | undefined,
): string | undefined {
  if (run !== undefined && run !== row.resultRun) return runArtifactKeys({ ...row, run })[name];
  const ofResult = row.artifacts?.[name];
  if (ofResult !== undefined || row.status !== 'processing' || !STORED_EARLY.includes(name)) return ofResult;
  return row.run === undefined ? undefined : runArtifactKeys({ ...row, run: row.run })[name];
}
