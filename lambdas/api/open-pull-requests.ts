import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ConflictError, InvalidInputError } from '../../core/errors.ts';
import {
  isEnded,
  JobId,
  type JobRow,
  PullRequestOverrides,
  RepositoryName,
  ShownJob,
} from '../../core/job.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../core/store/artifacts.ts';
import type { Context } from '../context.ts';
import { PUBLISHABLE_ATTRIBUTES, reasonNotPublishable } from '../run/publishable.ts';
import { repositoryNames } from '../run/rows.ts';
import { beginRun } from './begin-run.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });
const body = z
  .strictObject({
    repositories: z.array(RepositoryName).min(1).max(10_000).optional(),
    pullRequest: PullRequestOverrides.optional(),
  })
  .optional();

/** How many names a problem document lists. */
const NAMED = 5;

/**
 * Opens pull requests of what the job has recorded, as its next run and without a call of the model: of all that have
 * none, or of those named; `pullRequest` says what is to be otherwise than the job said. 202 with the job; 200 where the Idempotency-Key says that this was asked before.
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
        action: 'publish' as const,
        ...(body?.pullRequest && { publishAs: body.pullRequest }),
        ...(wanted && isEnded(job.status) && { selection: await writeSelection(jobId, names, context) }),
      };
    };
    return beginRun({ jobId, scope: 'pull-requests', body, headers, createdBy }, prepare, context);
  },
);

/** Those of the repositories that have a change without a pull request; throws where none has. */
async function namesToPublish(
  { jobId, status }: JobRow,
  names: readonly string[],
  { repositories }: Context,
): Promise<string[]> {
  const rows = await repositories.getMany(jobId, names, PUBLISHABLE_ATTRIBUTES);
  const reasons = rows.map((row) => [row.repositoryName, reasonNotPublishable(row)] as const);
  const open = reasons.flatMap(([name, reason]) => (reason === undefined ? [name] : []));
  // Why a job that runs has none yet is that it runs.
  if (open.length > 0 || !isEnded(status)) return open;
  const some = reasons.slice(0, NAMED).map(([name, reason]) => `${name} ${reason}`);
  const more = reasons.length > NAMED ? `; and ${reasons.length - NAMED} more` : '';
  throw new ConflictError(
    `There is no pull request to open for the job ${jobId}: ${some.join('; ') || 'it has no repositories'}${more}.`,
  );
}

/** GitHub's names are equal in any case; the job's own spelling is given back. */
function namesOfJob(jobId: string, wanted: readonly string[], known: readonly string[]): string[] {
  const spelling = new Map(known.map((name) => [name.toLowerCase(), name]));
  const unknown = wanted.filter((name) => !spelling.has(name.toLowerCase()));
  if (unknown.length > 0) {
    throw new InvalidInputError(
      `The job ${jobId} has no repository ${unknown.slice(0, NAMED).join(', ')}${unknown.length > NAMED ? ` and ${unknown.length - NAMED} more` : ''}.`,
      { field: 'repositories', received: unknown.slice(0, NAMED), expected: 'repositories of this job' },
    );
  }
  return [...new Set(wanted.map((name) => spelling.get(name.toLowerCase())!))].sort();
}

/** Named by what it says, so that two requests at once cannot exchange theirs. */
async function writeSelection(
  jobId: string,
  names: readonly string[],
  { artifacts }: Context,
): Promise<string> {
  const digest = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16);
  const key = artifactKeys.selection(jobId, digest);
  await writeArtifact(artifacts, key, names);
  return key;
}
