import { Checkpoint, OutcomeDocument } from '../../core/outcome.ts';
import type { ArtifactKeys, RepositoryResult } from '../../core/repository-result.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import type { ArtifactStore } from '../../core/store/artifact-store.ts';
import { findArtifactOfRun, findBytes } from '../../core/store/artifacts.ts';
import type { RepositoryUpdate } from '../../core/store/repository-table.ts';
import { addCosts, addTokens, NO_TOKENS } from '../../core/usage.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';
import { changeSetDigest } from './recorded-change-set.ts';

/** A row's limit of 400 KB is far off, but a list of 10,000 files is not what one reads in a row. */
const CHANGES_IN_ROW = 100;

/** An item of DynamoDB has at most 400 KiB, and the row has a little of its own. */
const MAX_ROW_BYTES = 380 * 1024;

/** An outcome that a row can hold. The row of one that cannot would never end. */
export const RecordableOutcome = OutcomeDocument.refine(
  ({ changes, ...rest }) =>
    Buffer.byteLength(JSON.stringify({ ...rest, changes: changes.slice(0, CHANGES_IN_ROW) })) <=
    MAX_ROW_BYTES,
  { error: `expected at most ${MAX_ROW_BYTES} bytes beside the changes` },
);

const THROTTLED_TOO_OFTEN =
  'The model stayed rate-limited for as long as a repository may wait; retry the job later, or give it a lower maxConcurrency.';

/**
 * The part of the row that an outcome gives. Where its artifacts are is not taken from what a worker wrote. When it
 * started is Batch's to say, which knows it before any outcome.
 */
function repositoryEnd(outcome: OutcomeDocument): RepositoryUpdate {
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
    artifacts: keysOf(outcome),
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

/** The keys of the artifacts that the outcome says there are. */
function keysOf({ artifacts, jobId, repositoryName }: OutcomeDocument): ArtifactKeys {
  const named = Object.keys(artifacts) as (keyof ArtifactKeys)[];
  return Object.fromEntries(named.map((name) => [name, artifactKeys[name](jobId, repositoryName)]));
}

/** Adds what earlier runs of the job had cost to what this one did. */
export function withEarlierRuns(
  end: RepositoryUpdate,
  { earlierRuns }: Pick<RepositoryResult, 'earlierRuns'>,
): RepositoryUpdate {
  if (!earlierRuns) return end;
  const { tokenUsage = NO_TOKENS, costUsd } = end;
  return {
    ...end,
    tokenUsage: addTokens(earlierRuns.tokenUsage, tokenUsage),
    // A run that asked nothing cost nothing, also where the model's price is not known.
    costUsd: tokenUsage.total > 0 ? addCosts(earlierRuns.costUsd, costUsd) : earlierRuns.costUsd,
  };
}

/** A repository of a run, as the artifacts have it. */
type Of = { jobId: string; repositoryName: string };
type OfRun = Of & { run: number | undefined };

/**
 * The outcome that a worker wrote in this run, though nobody has recorded it: it was paid for, and counts. Undefined where
 * there is none, where it cannot be read, and where it only says that the work goes on later.
 */
export async function outcomeLeftBy(
  artifacts: ArtifactStore,
  { jobId, repositoryName, run }: OfRun,
): Promise<OutcomeDocument | undefined> {
  const key = artifactKeys.outcome(jobId, repositoryName);
  const outcome = await findArtifactOfRun(artifacts, key, { run, schema: RecordableOutcome }, setAside);
  if (!outcome || outcome.outcome === 'throttled') return undefined;
  if (isOf(outcome, { jobId, repositoryName })) return outcome;
  setAside(`The artifact ${key} is of ${outcome.repositoryName} of ${outcome.jobId} and is left aside.`);
  return undefined;
}

/** What an outcome says of another repository would be recorded, and published, as that one's. */
export function isOf(outcome: OutcomeDocument, { jobId, repositoryName }: Of): boolean {
  return outcome.jobId === jobId && outcome.repositoryName === repositoryName;
}

/** What a worker that left no outcome had spent in this run, by its last checkpoint. */
export async function spentSoFar(artifacts: ArtifactStore, { jobId, repositoryName, run }: OfRun) {
  const key = `${artifactKeys.checkpoint(jobId, repositoryName)}usage.json`;
  const checkpoint = await findArtifactOfRun(artifacts, key, { run, schema: Checkpoint }, setAside);
  if (!checkpoint) return {};
  const { turns, tokenUsage, costUsd, model, baseSha } = checkpoint;
  return { turns, tokenUsage, costUsd, model, baseSha };
}

/**
 * How an outcome ends its repository: what the row says, the digest of its change set included. Keeps its diff where it can
 * be queried, in place of that of a run before.
 */
export async function endByOutcome(
  context: Pick<Context, 'artifacts' | 'repositories' | 'now'>,
  outcome: OutcomeDocument,
  row: Pick<RepositoryResult, 'earlierRuns' | 'expiresAt'>,
): Promise<RepositoryUpdate> {
  await keepDiff(context, outcome, row);
  return {
    ...withEarlierRuns(repositoryEnd(outcome), row),
    ...(await changeSetDigest(context.artifacts, outcome)),
  };
}

async function keepDiff(
  { artifacts, repositories, now }: Pick<Context, 'artifacts' | 'repositories' | 'now'>,
  { jobId, repositoryName, run, artifacts: named }: OutcomeDocument,
  { expiresAt }: Pick<RepositoryResult, 'expiresAt'>,
): Promise<void> {
  const key = artifactKeys.diff(jobId, repositoryName);
  const diff = named.diff !== undefined && (await findBytes(artifacts, key, setAside));
  if (diff) await repositories.putDiff(jobId, repositoryName, diff, now(), expiresAt);
  else if (run > 1) await repositories.removeDiff(jobId, repositoryName);
}
