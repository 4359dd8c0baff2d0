import { type ArtifactStore, artifactKeys } from '../core/artifacts.ts';
import { Checkpoint, type Outcome } from '../core/outcome.ts';
import type { RepositoryResult } from '../core/repository-result.ts';
import type { RepositoryEnd } from '../core/repository-table.ts';
import { addCosts, addTokens, NO_TOKENS } from '../core/usage.ts';

/** A row's limit of 400 KB is far off, but a list of 10,000 files is not what one reads in a row. */
const CHANGES_IN_ROW = 100;

const THROTTLED_TOO_OFTEN =
  'The model stayed rate-limited for as long as a repository may wait; retry the job later, or give it a lower maxConcurrency.';

/** The part of the row that an outcome gives. When it started is Batch's to say, which knows it before any outcome. */
export function repositoryEnd(outcome: Outcome): RepositoryEnd {
  const {
    jobId,
    repositoryName,
    run,
    attempt,
    resumeAt,
    title,
    body,
    changes,
    startedAt,
    outcome: name,
    ...rest
  } = outcome;
  const succeeded = name === 'changed' || name === 'unchanged';
  const isThrottled = name === 'throttled';
  return {
    ...rest,
    status: succeeded ? 'completed' : 'failed',
    outcome: isThrottled ? (rest.error ? 'failed' : 'gaveUp') : name,
    // The worker's own summary says when it goes on; here it does not any more.
    ...(isThrottled && { summary: rest.error ? undefined : THROTTLED_TOO_OFTEN }),
    changes: changes.slice(0, CHANGES_IN_ROW),
    changedFiles: changes.length,
    additions: changes.reduce((sum, change) => sum + change.additions, 0),
    deletions: changes.reduce((sum, change) => sum + change.deletions, 0),
  };
}

/** Adds what earlier runs of the job had cost to what this one did. */
export function withEarlierRuns(
  end: RepositoryEnd,
  { earlierRuns }: Pick<RepositoryResult, 'earlierRuns'>,
): RepositoryEnd {
  if (!earlierRuns) return end;
  const { tokenUsage = NO_TOKENS, costUsd } = end;
  return {
    ...end,
    tokenUsage: addTokens(earlierRuns.tokenUsage, tokenUsage),
    // A run that asked nothing cost nothing, also where the model's price is not known.
    costUsd: end.turns ? addCosts(earlierRuns.costUsd, costUsd) : earlierRuns.costUsd,
  };
}

/** What a worker that left no outcome had spent in this run, by its last checkpoint. */
export async function spentSoFar(
  artifacts: ArtifactStore,
  jobId: string,
  repositoryName: string,
  run: number | undefined,
) {
  const body = await artifacts.read(`${artifactKeys.checkpoint(jobId, repositoryName)}state.json`);
  const checkpoint = body && Checkpoint.parse(JSON.parse(body.toString()));
  if (!checkpoint || checkpoint.run !== run) return {};
  const { turns, tokenUsage, costUsd, model, baseSha } = checkpoint;
  return { turns, tokenUsage, costUsd, model, baseSha };
}
