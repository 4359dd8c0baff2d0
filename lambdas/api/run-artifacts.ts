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

/** The key of an artifact of the row's result, or of another run. Undefined if the result has none. */
export function artifactKey(
  name: keyof ArtifactKeys,
  row: RepositoryResult,
  run: number | undefined,
): string | undefined {
  return run === undefined || run === row.resultRun
    ? row.artifacts?.[name]
    : runArtifactKeys({ ...row, run })[name];
}
