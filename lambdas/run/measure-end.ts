import type { RepositoryUpdate } from '../../core/store/row-end.ts';
import { measure } from '../metrics.ts';

/** Counts a repository that this run has ended. */
export function measureEnd(
  { jobId, repositoryName }: { jobId: string; repositoryName: string },
  { status, outcome, end }: RepositoryUpdate,
): void {
  // A cancelled repository has no outcome.
  const named = outcome ?? status;
  measure({
    values: { Repositories: 1 },
    by: { ...(named && { Outcome: named }), ...(end && { End: end }) },
    about: { jobId, repositoryName },
  });
}
