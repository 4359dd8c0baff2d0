import type { PullRequestOperation } from '../../../../../core/pull-request-operation.ts';
import type { JobPage, ListedPullRequest } from '../../../api/types.ts';
import type { Row } from '../rows.ts';

export type Operation = PullRequestOperation;

type Words = {
  /** On its button, before a number. */
  verb: string;
  /** What it does, as a sentence. */
  does: string;
};

/** The operations in the order of their buttons. */
export const OPERATIONS: Readonly<Record<Operation, Words>> = {
  open: { verb: 'Open', does: 'Opens a pull request, or updates one that shows an older change.' },
  rebase: {
    verb: 'Rebase',
    does: 'Moves the change to the newest commit of its base branch, if none of its files has changed there.',
  },
  requestReviews: {
    verb: 'Request reviews',
    does: 'Asks these reviewers, and those who have reviewed an earlier state.',
  },
  comment: { verb: 'Comment', does: 'Writes the comment once on each.' },
  autoMerge: { verb: 'Auto-merge', does: 'Lets GitHub merge each once its checks and reviews allow it.' },
  merge: { verb: 'Merge', does: 'Merges those whose checks have ended and passed, or that have none.' },
  close: { verb: 'Close', does: 'Closes each without merging it.' },
};

/** Operations that publish a change, or bring it into the base branch. */
const OF_THE_CHANGE: ReadonlySet<Operation> = new Set(['open', 'rebase', 'merge', 'autoMerge']);

export type LeftOut = { repositoryName: string; reason: string };

/** The repositories that an operation would take, and the others with the reason. The API decides once more. */
export function splitFor(
  operation: Operation,
  rows: readonly Row[],
  { review }: Pick<JobPage, 'review'>,
  pulls: ReadonlyMap<string, ListedPullRequest>,
): { taken: string[]; leftOut: LeftOut[] } {
  const taken: string[] = [];
  const leftOut: LeftOut[] = [];
  for (const row of rows) {
    const { repositoryName } = row;
    const reason = reasonAgainst(operation, row, review === 'required', pulls.get(repositoryName));
    if (reason === undefined) taken.push(repositoryName);
    else leftOut.push({ repositoryName, reason });
  }
  return { taken, leftOut };
}

function reasonAgainst(
  operation: Operation,
  row: Row,
  needsApproval: boolean,
  pull: ListedPullRequest | undefined,
): string | undefined {
  const { status, outcome, review, prState, checks } = row;
  if (operation !== 'open' && prState !== 'open')
    return prState ? `its pull request is ${prState}` : 'it has no pull request';
  if (status === 'pending' || status === 'processing') return 'it is being revised';
  if (!OF_THE_CHANGE.has(operation)) return undefined;
  if (outcome !== 'changed') return 'it has no change';
  if (review === 'reject') return 'its change was rejected';
  if (needsApproval && review !== 'approve') return 'its change is not approved';
  if (operation === 'open' && prState && prState !== 'failed' && !isOlder(row, pull))
    return `its pull request is ${prState}`;
  if (operation === 'merge' && checks === 'failing') return 'its checks fail';
  return undefined;
}

/** Whether the open pull request shows the change of an earlier run. */
function isOlder({ run, prState }: Row, pull: ListedPullRequest | undefined): boolean {
  return prState === 'open' && pull?.run !== undefined && run !== undefined && pull.run !== run;
}

/** Reasons with how many have each, the most frequent first. */
export function countReasons(leftOut: readonly LeftOut[]): { reason: string; names: string[] }[] {
  return [...Map.groupBy(leftOut, ({ reason }) => reason)]
    .map(([reason, of]) => ({ reason, names: of.map(({ repositoryName }) => repositoryName) }))
    .sort((a, b) => b.names.length - a.names.length);
}

/** Logins and teams as a person writes them, with commas, blanks or at signs. */
export function reviewersOf(text: string): string[] {
  return [
    ...new Set(
      text
        .split(/[\s,]+/)
        .map((name) => name.replace(/^@/, ''))
        .filter(Boolean),
    ),
  ];
}
