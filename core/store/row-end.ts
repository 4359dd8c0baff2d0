import type { Status } from '../job.ts';
import {
  type Began,
  type CameTo,
  type RepositoryResult,
  type Revision,
  runOfResult,
  type Standing,
  WORKING_ATTRIBUTES,
} from '../repository-result.ts';
import { errorShape } from '../shape/error-shape.ts';
import { addCosts, addTokens, NO_TOKENS } from '../usage.ts';

/** The result with which a row ends. */
export type RepositoryUpdate = Omit<
  RepositoryResult,
  'jobId' | 'repositoryName' | 'run' | 'updatedAt' | 'resultRun' | 'from' | 'standing' | 'revision'
> & {
  status: 'completed' | 'failed' | 'cancelled';
  completedAt: string;
  /** Only for a revision. */
  began?: Began | undefined;
};

/** The attributes that belong to a result. The next result replaces all of them, with those that it does not have. */
export const RESULT_OF_RUN = [
  'artifacts',
  'logs',
  'model',
  'baseBranch',
  'baseSha',
  'outcome',
  'end',
  'error',
  'phase',
  'waiting',
  'summary',
  'notDone',
  'wereChangesNecessary',
  'changes',
  'changedFiles',
  'additions',
  'deletions',
  'changeSetSha256',
  'shape',
  'kin',
  'patchSha',
  'errorShape',
  'verification',
  'judgement',
  'risk',
  'completedAt',
  'resultRun',
  'from',
  'standing',
  'revision',
  ...WORKING_ATTRIBUTES,
] as const satisfies (keyof RepositoryResult)[];

/** What a run has written before its end, which the end does not remove. */
const WRITTEN_BEFORE_THE_END: ReadonlySet<string> = new Set([...WORKING_ATTRIBUTES, 'from']);

/** An end of a row in a run. `hasStarted` is false if no worker was paid. */
export type RowEnd = { run: number; end: RepositoryUpdate; hasStarted: boolean };

type Ending = Pick<RepositoryResult, 'standing' | 'patchSha' | 'outcome'>;

/** What an end does to the row's result: only what completes replaces a result that completed. */
export function cameTo(
  { standing, patchSha, outcome }: Ending,
  { end, hasStarted }: Pick<RowEnd, 'end' | 'hasStarted'>,
): CameTo {
  if (!standing) return 'replaced';
  if (end.status !== 'completed') return hasStarted ? 'kept' : 'notStarted';
  const isSame = patchSha !== undefined && patchSha === end.patchSha && outcome === end.outcome;
  return isSame ? 'same' : 'replaced';
}

/** The update of a row at the end of a run. */
export function rowAtEnd(
  repositoryName: string,
  row: Ending,
  rowEnd: RowEnd,
): { set: Record<string, unknown>; remove: string[] } {
  const { standing } = row;
  const { run, end } = rowEnd;
  const came = cameTo(row, rowEnd);
  if (standing && came !== 'replaced') return restored(standing, end, revisionOf(came, run, end));
  const { began, ...result } = end;
  const set: Partial<RepositoryResult> = {
    ...result,
    ...(end.status === 'failed' && { errorShape: errorShape(end) }),
    resultRun: run,
    ...((standing || began) && { revision: { run, cameTo: came, began } }),
  };
  const remove = RESULT_OF_RUN.filter((name) => set[name] === undefined && !WRITTEN_BEFORE_THE_END.has(name));
  return { set: { ...set, statusKey: statusKey(end.status, repositoryName) }, remove };
}

/** The result stays as it was before the revision, but for its cost. */
function restored(standing: Standing, { tokenUsage, costUsd }: RepositoryUpdate, revision: Revision) {
  const set = { ...standing, tokenUsage, costUsd, revision };
  const remove = WORKING_ATTRIBUTES.filter((name) => standing[name] === undefined);
  return { set, remove: ['standing', 'phase', 'waiting', ...remove] };
}

function revisionOf(came: CameTo, run: number, result: RepositoryUpdate): Revision {
  const { began, outcome, end, summary, error, artifacts, judgement, completedAt } = result;
  return { run, cameTo: came, began, outcome, end, summary, error, artifacts, judgement, completedAt };
}

/** A row that is pending in its next run. Its cost so far is that of earlier runs. */
export function pendingIn(
  { repositoryName, tokenUsage, costUsd }: RepositoryResult,
  run: number,
  at: string,
) {
  return {
    status: 'pending' as const,
    statusKey: statusKey('pending', repositoryName),
    run,
    updatedAt: at,
    ...(tokenUsage && { earlierRuns: { tokenUsage, costUsd } }),
  };
}

/** The same for a revision, which continues the conversation unless it `isAnew`. A completed result stays on the row, and `standing` has what the revision overwrites meanwhile. */
export function underRevision(row: RepositoryResult, run: number, at: string, isAnew = false) {
  const earlier = runOfResult(row);
  const set = { ...pendingIn(row, run, at), from: row.artifacts?.thread && !isAnew ? earlier : undefined };
  if (row.status !== 'completed')
    return { set, remove: RESULT_OF_RUN.filter((name) => set.from === undefined || name !== 'from') };
  const { repositoryName, status } = row;
  const standing: Standing = { status, statusKey: statusKey(status, repositoryName) };
  for (const name of WORKING_ATTRIBUTES) Object.assign(standing, { [name]: row[name] });
  return {
    set: { ...set, resultRun: earlier, standing },
    remove: ['phase', 'waiting', 'revision', ...WORKING_ATTRIBUTES],
  };
}

/** Adds the usage of earlier runs of the job to that of this run. */
export function withEarlierRuns(
  end: RepositoryUpdate,
  { earlierRuns }: Pick<RepositoryResult, 'earlierRuns'>,
): RepositoryUpdate {
  if (!earlierRuns) return end;
  const { tokenUsage = NO_TOKENS, costUsd } = end;
  return {
    ...end,
    tokenUsage: addTokens(earlierRuns.tokenUsage, tokenUsage),
    // A run without tokens cost nothing, even if the model's price is not known.
    costUsd: tokenUsage.total > 0 ? addCosts(earlierRuns.costUsd, costUsd) : earlierRuns.costUsd,
  };
}

export function statusKey(status: Status, repositoryName: string): string {
  return `${status}#${repositoryName}`;
}
