import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import {
  isRunning,
  JobId,
  type JobRow,
  PullRequestOverrides,
  RepositoryName,
  ShownJob,
} from '../../core/job.ts';
import type { Context } from '../context.ts';
import { PUBLISHABLE_ATTRIBUTES, reasonNotPublishable } from '../run/publishable.ts';
import { repositoryNames } from '../run/rows.ts';
import { beginRun } from './begin-run.ts';
import { namesOfJob } from './names-of-job.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });
const body = z
  .strictObject({
    repositories: z.array(RepositoryName).min(1).max(10_000).optional(),
    pullRequest: PullRequestOverrides.optional(),
  })
  .optional();

const MAX_NAMES_IN_MESSAGE = 5;

/**
 * Opens pull requests for recorded changes, as the next run of the job and without calling the model: for the repositories
 * that the body names, or all that have a change without a pull request. `pullRequest` overrides settings of the job. 202
 * with the job; 200 if a request with the same Idempotency-Key was accepted before.
 */
export const openPullRequests = route(
  'POST',
  '/jobs/{jobId}/pull-requests',
  {
    role: 'runner',
    summary: 'Opens pull requests of the recorded changes, as the next run of the job and without the model.',
    params,
    body,
    isIdempotent: true,
    responses: { 202: ShownJob, 200: ShownJob },
    problems: [409],
  },
  async ({ params: { jobId }, body, headers, createdBy }, context) => {
    const prepare = async (job: JobRow) => {
      const known = await repositoryNames(jobId, context);
      const wanted = body?.repositories && namesOfJob(jobId, body.repositories, known);
      const names = await namesToPublish(job, wanted ?? known, context);
      return {
        kind: 'publish' as const,
        action: 'publish' as const,
        publishAs: body?.pullRequest,
        ...(wanted && { selection: names }),
      };
    };
    return beginRun({ jobId, scope: 'pull-requests', body, headers, createdBy }, prepare, context);
  },
);

/** The repositories that have a change without a pull request. Throws ConflictError if none has. */
async function namesToPublish(
  { jobId, status }: JobRow,
  names: readonly string[],
  { repositories }: Context,
): Promise<string[]> {
  const rows = await repositories.getMany(jobId, names, PUBLISHABLE_ATTRIBUTES);
  const reasons = rows.map((row) => [row.repositoryName, reasonNotPublishable(row)] as const);
  const open = reasons.flatMap(([name, reason]) => (reason === undefined ? [name] : []));
  // A running job may have nothing to publish yet; that is not an error.
  if (open.length > 0 || isRunning(status)) return open;
  const some = reasons.slice(0, MAX_NAMES_IN_MESSAGE).map(([name, reason]) => `${name} ${reason}`);
  const more =
    reasons.length > MAX_NAMES_IN_MESSAGE ? `; and ${reasons.length - MAX_NAMES_IN_MESSAGE} more` : '';
  throw new ConflictError(
    `The job ${jobId} has no pull request to open: ${some.join('; ') || 'it has no repositories'}${more}.`,
  );
}
