import { z } from 'zod';

import { ConflictError } from '../../core/errors.ts';
import { type PublishItem, PullRequestInput, type Slot } from '../../core/execution.ts';
import { type JobRow, parseRepositoryName } from '../../core/job.ts';
import { type PullRequestRecord, type RepositoryResult, runOfResult } from '../../core/repository-result.ts';
import type { Review } from '../../core/review.ts';
import type { RunRequest } from '../../core/run-request.ts';
import { readRunRequest } from '../../core/store/run-requests.ts';

import { checkWriteAccess, WriteAccessInput } from '../check-write-access.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { requirePublishable, touchesWorkflows } from '../github/change-set-rules.ts';
import { openGitHub } from '../github/client.ts';
import { marked } from '../github/comments.ts';
import { credentialId } from '../github/credential.ts';
import { type Operation, operate } from '../github/operate.ts';
import { type Published, publishChangeSet } from '../github/publish.ts';
import { closePullRequest } from '../github/pull-request.ts';
import { rateLimitedUntil } from '../github/rate-limit.ts';
import { explainRefusal } from '../github/refusal.ts';
import { plainText, safeMarkdown } from '../github/untrusted-text.ts';
import { measure } from '../metrics.ts';
import { needsDecision } from '../run/asked-operation.ts';
import { isWithdrawn, needsApproval } from '../run/publishable.ts';
import { readRecordedChangeSet } from '../run/recorded-change-set.ts';

const MAX_NOTE = 2000;

export const Input = z.union([PullRequestInput, WriteAccessInput]);

/**
 * Opens the pull request of a recorded change set, closes it if the change was rejected, or does what a request asks for. If
 * GitHub's rate limit refuses a call, returns the end of the limit as
 * `at`, and holds all slots of the credential until then; the state machine then reserves another slot.
 */
export async function openPullRequest(
  { jobId, run, repositoryName, operation, patchSha, request: key }: PullRequestInput,
  context: Context,
): Promise<Required<Slot>> {
  const { artifacts, jobs, rateSlots, repositories, settings, now } = context;
  const job = await jobs.getWhole(jobId);
  const row = await repositories.get(jobId, repositoryName);
  const [review, request] = await Promise.all([
    context.reviews.reviewOf(jobId, row, artifacts),
    key === '' ? undefined : readRunRequest(artifacts, { jobId, request: key }),
  ]);
  // What a person asked for by name does not depend on the decision about the change.
  const isAsked = request?.operation === operation && !needsDecision(operation);
  if (!isAsked) requireSelected(row, { operation, patchSha }, review, needsApproval(job, request?.approved));
  try {
    if (operation === 'open' || operation === 'rebase')
      await open(job, row, { publishAs: request?.publishAs, rebase: operation === 'rebase' }, context);
    else if (request && request.operation === operation)
      await operateOn(operation, { job, run, row, request, settings }, context);
    else await close(row, review, run, context);
    return { opened: true, at: now(), granted: true, ofJob: true };
  } catch (error) {
    const nowMs = Date.parse(now());
    const until = rateLimitedUntil(error, nowMs);
    if (until === undefined) throw explainRefusal(error, { jobId, repositoryName });
    await rateSlots.blockUntil(await credentialId(settings, repositoryName), until, nowMs);
    return { opened: false, at: new Date(until).toISOString(), granted: false, ofJob: true };
  }
}

async function open(
  job: JobRow,
  row: RepositoryResult,
  how: Pick<RunRequest, 'publishAs'> & { rebase: boolean },
  context: Context,
): Promise<void> {
  const { artifacts, repositories, settings, now } = context;
  const { jobId, repositoryName } = row;
  const changeSet = await readRecordedChangeSet(artifacts, row);
  await requirePublishable(changeSet, job.settings, settings);
  const access = touchesWorkflows(changeSet) ? 'writeWorkflows' : 'write';
  const github = await openGitHub(settings, repositoryName, access);
  const publication = { repositoryName, job, ...how, row, changeSet, settings };
  const published = await publishChangeSet(github, publication);
  await repositories.recordPullRequest(
    jobId,
    repositoryName,
    now(),
    recordOf(published, runOfResult(row), now()),
  );
  // An earlier run may have opened it.
  if (row.pullRequestNumber === undefined)
    measure({ values: { PullRequestsOpened: 1 }, about: { jobId, repositoryName } });
}

/** Minutes may pass between the selection and this step, in which a person may decide otherwise. */
function requireSelected(
  row: RepositoryResult,
  selected: Pick<PublishItem, 'operation' | 'patchSha'>,
  review: Review | undefined,
  approvalNeeded: boolean,
): void {
  const { repositoryName, patchSha = '' } = row;
  if (selected.operation === 'close' && isWithdrawn(row)) return;
  if (selected.patchSha !== '' && selected.patchSha !== patchSha)
    throw new ConflictError(
      `The change of ${repositoryName} is no longer the one that was selected (its patch is ${patchSha || 'gone'}). Publish again.`,
    );
  const decision = review?.decision ?? 'undecided';
  const isMeant = selected.operation === 'close' ? decision === 'reject' : decision !== 'reject';
  if (isMeant && (selected.operation === 'close' || !approvalNeeded || decision === 'approve')) return;
  throw new ConflictError(
    `The change of ${repositoryName} was selected to ${selected.operation} its pull request, and the decision about it is ${decision} by now. Publish again.`,
  );
}

async function operateOn(
  operation: Operation,
  subject: Parameters<typeof operate>[1],
  { repositories, now }: Context,
): Promise<void> {
  const { jobId, repositoryName, pullRequest } = subject.row;
  const changed = await operate(operation, subject);
  await repositories.recordPullRequest(jobId, repositoryName, now(), {
    pullRequest: { ...pullRequest!, error: undefined, ...changed, checkedAt: now() },
  });
}

/** Closes the pull request of a rejected change, with the reviewer's note as a comment. */
async function close(
  row: RepositoryResult,
  review: Review | undefined,
  run: number,
  { settings, repositories, now }: Context,
): Promise<void> {
  const { jobId, repositoryName, pullRequest, pullRequestNumber } = row;
  const name = pullRequest?.renamedTo ?? repositoryName;
  const github = await openGitHub(settings, name, 'write');
  const { owner, name: repo } = parseRepositoryName(name);
  // What an earlier attempt of this step recorded before it closed the pull request.
  let { closedFor } = pullRequest ?? {};
  const record = (end: Pick<PullRequestRecord, 'state' | 'mergedAt' | 'closedAt'>) =>
    repositories.recordPullRequest(jobId, repositoryName, now(), {
      pullRequest: { ...pullRequest, ...end, closedFor, error: undefined, checkedAt: now() },
    });
  const { state, mergedAt, closedAt } = await closePullRequest(github, { owner, repo }, pullRequestNumber!, {
    comment: marked(whyClosed(row, review), jobId, `close ${run}`),
    onOpen: async () => {
      closedFor = isWithdrawn(row) ? 'withdrawn' : 'rejected';
      await record({ state: 'open' });
    },
  });
  if (state === 'merged') closedFor = undefined;
  await record({ state, mergedAt, closedAt: closedFor && closedAt });
}

function whyClosed(row: RepositoryResult, review: Review | undefined): string {
  const { jobId, summary = '' } = row;
  if (isWithdrawn(row))
    return `A revision of ${jobId} found that nothing has to change here. ${safeMarkdown(summary, MAX_NOTE)}`.trim();
  // A paragraph of its own: a list or a code block has to begin a line.
  const note = review?.note ? `\n\n${plainText(review.note, MAX_NOTE)}` : '';
  return `The change was rejected in the review of ${jobId}.${note}`;
}

function recordOf(published: Published, run: number | undefined, at: string) {
  const { branch, url, number, state, draft, commitSha, renamedTo, mergedAt, warnings } = published;
  return {
    branch,
    pullRequestUrl: url,
    pullRequestNumber: number,
    pullRequest: {
      state,
      draft,
      run,
      commitSha,
      renamedTo,
      mergedAt,
      checkedAt: at,
      ...(warnings.length > 0 && { warnings }),
    },
  };
}

export const handler = functionHandler(Input, async (input, context) =>
  'repositoryName' in input ? openPullRequest(input, context) : checkWriteAccess(input, context),
);
