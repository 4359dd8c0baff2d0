import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { isRunning, JobId, type JobRow, PullRequestOverrides, ShownJob } from '../../core/job.ts';
import { AskedOperation, type PullRequestOperation } from '../../core/pull-request-operation.ts';
import { filterOf } from '../../core/repository-filter.ts';
import type { Context } from '../context.ts';
import { type Asked, operationFor } from '../run/asked-operation.ts';
import { PUBLISHABLE_ATTRIBUTES } from '../run/publishable.ts';
import { repositoryNames } from '../run/rows.ts';
import { beginRun } from './begin-run.ts';
import { route } from './route.ts';
import { isOneSelection, ONE_SELECTION, SELECTION, selectedNames } from './selection.ts';
import { touchableNames } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });
const body = z
  .strictObject({
    ...SELECTION,
    pullRequest: PullRequestOverrides.optional(),
    /** Only changes that a person has approved. A job that requires reviews publishes no others anyway. */
    approved: z.literal(true).optional(),
    ...AskedOperation.shape,
  })
  .refine(isOneSelection, ONE_SELECTION)
  .refine(({ operation, comment }) => operation !== 'comment' || comment !== undefined, {
    error: 'expected the text of the comment',
    path: ['comment'],
  })
  .refine(
    ({ operation, comment }) => comment === undefined || ['comment', 'close'].includes(operation ?? ''),
    {
      error: 'expected no comment, which is for the operations comment and close',
      path: ['comment'],
    },
  )
  .refine(
    ({ operation, mergeMethod }) =>
      mergeMethod === undefined || ['merge', 'autoMerge'].includes(operation ?? ''),
    {
      error: 'expected no mergeMethod, which is for the operations merge and autoMerge',
      path: ['mergeMethod'],
    },
  )
  .refine(
    ({ operation, pullRequest }) =>
      pullRequest === undefined || ['open', 'requestReviews'].includes(operation ?? 'open'),
    {
      error: 'expected no pullRequest, which is for the operations open and requestReviews',
      path: ['pullRequest'],
    },
  )
  .optional();

const MAX_NAMES_IN_MESSAGE = 5;

const VERBS: Readonly<Record<PullRequestOperation, string>> = {
  open: 'open',
  rebase: 'rebase',
  merge: 'merge',
  autoMerge: 'merge once it is green',
  close: 'close',
  comment: 'comment on',
  requestReviews: 'ask reviewers of',
};

/**
 * Opens pull requests for recorded changes, or does something else with those that are open, as the next run of the job and
 * without calling the model: for the repositories that the body picks, or all that it can be done for. `pullRequest` overrides settings of the job. 202
 * with the job; 200 if a request with the same Idempotency-Key was accepted before.
 */
export const openPullRequests = route(
  'POST',
  '/jobs/{jobId}/pull-requests',
  {
    role: 'runner',
    summary:
      'Opens pull requests of the recorded changes, or rebases, merges, closes or comments on open ones, as the next run of the job and without the model.',
    params,
    body,
    isFiltered: true,
    isIdempotent: true,
    responses: { 202: ShownJob, 200: ShownJob },
    problems: [409],
  },
  async ({ params: { jobId }, body, headers, createdBy, access }, context) => {
    const mine = await touchableNames(jobId, { access, createdBy }, context);
    const request = {
      ...{ kind: 'publish' as const, action: 'publish' as const },
      ...{ approved: body?.approved, publishAs: body?.pullRequest },
      ...{ operation: body?.operation, comment: body?.comment, mergeMethod: body?.mergeMethod },
    };
    // What a running job opens is not known yet, so nothing else can be done with it.
    const mayJoin = (body?.operation ?? 'open') === 'open';
    const prepare = async (job: JobRow) => {
      const filter = filterOf(body ?? {});
      // What a running job's repositories come to is known only at the end of their analysis.
      if (isRunning(job.status) && filter) return { ...request, filter, ...(mine && { selection: mine }) };
      const wanted = await selectedNames(jobId, body, context, mine);
      const known = wanted ?? (await repositoryNames(jobId, context));
      const names = await namesToPublish(job, known, request, context);
      // Changes of a running job may still come.
      const selection = wanted && (isRunning(job.status) ? wanted : names);
      return { ...request, ...(selection && { selection }) };
    };
    const asked = { jobId, scope: 'pull-requests', body, headers, createdBy, access };
    return beginRun(asked, prepare, context, { mayJoin });
  },
);

/** The repositories for which something can be done. Throws ConflictError if there are none. */
async function namesToPublish(
  job: JobRow,
  names: readonly string[],
  asked: Asked,
  { repositories, reviews, artifacts }: Context,
): Promise<string[]> {
  const { jobId, status } = job;
  const [rows, decisions] = await Promise.all([
    repositories.getMany(jobId, names, PUBLISHABLE_ATTRIBUTES),
    reviews.decisions(jobId, artifacts),
  ]);
  const found = rows.map((row) => ({
    name: row.repositoryName,
    operation: operationFor(row, decisions, asked, job),
  }));
  const open = found.flatMap(({ name, operation }) => ('reason' in operation ? [] : [name]));
  const reasons = found.flatMap(({ name, operation }) =>
    'reason' in operation ? [[name, operation.reason] as const] : [],
  );
  // A running job may have nothing to publish yet; that is not an error.
  if (open.length > 0 || isRunning(status)) return open;
  const some = reasons.slice(0, MAX_NAMES_IN_MESSAGE).map(([name, reason]) => `${name} ${reason}`);
  const more =
    reasons.length > MAX_NAMES_IN_MESSAGE ? `; and ${reasons.length - MAX_NAMES_IN_MESSAGE} more` : '';
  throw new ConflictError(
    `The job ${jobId} has no pull request to ${VERBS[asked.operation ?? 'open']}: ${some.join('; ') || 'no repository matches'}${more}.`,
  );
}
