import { isEnded } from '../../core/job.ts';
import { Checkpoint, OutcomeDocument } from '../../core/outcome.ts';
import type { ArtifactKeys, RepositoryResult } from '../../core/repository-result.ts';
import { shapesOf } from '../../core/shape/shape.ts';
import type { ArtifactStore } from '../../core/store/artifact-store.ts';
import { findArtifactOfRun, findBytes } from '../../core/store/artifacts.ts';
import { cameTo, type RepositoryUpdate, withEarlierRuns } from '../../core/store/row-end.ts';
import { type RunOfRepository, runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import type { Readable } from '../../core/store/stored.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';
import { changeSetDigest } from './recorded-change-set.ts';

/** Keeps rows small; the complete list is in the change set. */
const CHANGES_IN_ROW = 100;

/** DynamoDB's limit of an item is 400 KiB; the rest is for the other attributes of the row. */
const MAX_ROW_BYTES = 380 * 1024;

/** An outcome that fits into a row. A larger one could not be recorded, so its repository would never end. */
export const RecordableOutcome = OutcomeDocument.refine(
  ({ changes, ...rest }) =>
    Buffer.byteLength(JSON.stringify({ ...rest, changes: changes.slice(0, CHANGES_IN_ROW) })) <=
    MAX_ROW_BYTES,
  { error: `expected at most ${MAX_ROW_BYTES} bytes beside the changes` },
);

const THROTTLED_TOO_OFTEN =
  'The model was rate-limited for longer than a repository may wait. Retry the job later, or with a lower maxConcurrency.';

/**
 * The part of the row that comes from an outcome. Keys of artifacts are not taken from it, since a worker wrote it, and
 * `startedAt` comes from Batch.
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
    risk: rest.judgement?.risk,
    status: succeeded ? 'completed' : 'failed',
    outcome: isThrottled ? (rest.error ? 'failed' : 'gaveUp') : name,
    // The worker's summary announces a resumption, which does not happen.
    ...(isThrottled && { summary: rest.error ? undefined : THROTTLED_TOO_OFTEN }),
    changes: changes.slice(0, CHANGES_IN_ROW),
    changedFiles: changes.length,
    additions: changes.reduce((sum, change) => sum + change.additions, 0),
    deletions: changes.reduce((sum, change) => sum + change.deletions, 0),
  };
}

/** The keys of the artifacts that the outcome lists. */
function keysOf(outcome: OutcomeDocument): ArtifactKeys {
  const keys = runArtifactKeys(outcome);
  const named = Object.keys(outcome.artifacts) as (keyof ArtifactKeys)[];
  return Object.fromEntries(named.map((name) => [name, keys[name]]));
}

/**
 * The outcome that a worker wrote in this run but no step has recorded, so that paid work is not lost. Returns undefined if
 * there is none, if it cannot be read, or if the worker was throttled and would resume.
 */
export async function outcomeLeftBy(
  artifacts: ArtifactStore,
  { jobId, repositoryName, run }: RunOfRepository,
): Promise<OutcomeDocument | undefined> {
  const { outcome: key } = runArtifactKeys({ jobId, repositoryName, run });
  const outcome = await findArtifactOfRun(artifacts, key, { run, schema: RecordableOutcome }, setAside);
  if (!outcome || outcome.outcome === 'throttled') return undefined;
  if (isOf(outcome, { jobId, repositoryName })) return outcome;
  setAside(`The artifact ${key} is ignored: it is of ${outcome.repositoryName} of ${outcome.jobId}.`);
  return undefined;
}

/** A worker could write the outcome of another repository, which would be recorded and published as this one's. */
export function isOf(
  outcome: OutcomeDocument,
  { jobId, repositoryName }: Pick<RunOfRepository, 'jobId' | 'repositoryName'>,
): boolean {
  return outcome.jobId === jobId && outcome.repositoryName === repositoryName;
}

/** The usage in the last checkpoint of this run, for a worker that left no outcome; empty if there is none. */
export async function spentSoFar(artifacts: ArtifactStore, of: RunOfRepository) {
  const key = `${runArtifactKeys(of).checkpoint}usage.json`;
  const checkpoint = await findArtifactOfRun(artifacts, key, { run: of.run, schema: Checkpoint }, setAside);
  if (!checkpoint) return {};
  const { turns, tokenUsage, costUsd, model, baseSha } = checkpoint;
  return { turns, tokenUsage, costUsd, model, baseSha };
}

/**
 * The row's update by which an outcome ends its repository, with the digest of the change set and the shapes of the diff. Also
 * stores the diff in the table, in place of the diff of an earlier run, unless the row keeps its earlier result. A row that has
 * ended shows no longer whether it kept it, and its diff is stored: a step may run again after it has ended the row.
 */
export async function endByOutcome(
  context: Pick<Context, 'artifacts' | 'repositories' | 'now'>,
  outcome: OutcomeDocument,
  row: Readable<
    Pick<
      RepositoryResult,
      'status' | 'run' | 'earlierRuns' | 'expiresAt' | 'standing' | 'patchSha' | 'outcome'
    >
  >,
): Promise<RepositoryUpdate> {
  const diff = await diffOf(context, outcome);
  const end: RepositoryUpdate = {
    ...withEarlierRuns(repositoryEnd(outcome), row),
    ...(diff && shapesOf(diff)),
    ...(await changeSetDigest(context.artifacts, outcome)),
  };
  const isOver = isEnded(row.status) || (row.run !== undefined && row.run > outcome.run);
  if (!isOver && cameTo(row, { end, hasStarted: true }) === 'replaced')
    await keepDiff(context, outcome, row, diff);
  return end;
}

async function diffOf(
  { artifacts }: Pick<Context, 'artifacts'>,
  outcome: OutcomeDocument,
): Promise<Buffer | undefined> {
  return outcome.artifacts.diff ? findBytes(artifacts, runArtifactKeys(outcome).diff, setAside) : undefined;
}

async function keepDiff(
  { repositories, now }: Pick<Context, 'repositories' | 'now'>,
  { jobId, repositoryName, run }: OutcomeDocument,
  { expiresAt }: Pick<RepositoryResult, 'expiresAt'>,
  diff: Buffer | undefined,
): Promise<void> {
  const isKept = diff && (await repositories.putDiff(jobId, repositoryName, diff, now(), expiresAt));
  if (!isKept && run > 1) await repositories.removeDiff(jobId, repositoryName);
}
