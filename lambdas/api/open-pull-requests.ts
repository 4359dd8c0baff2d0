import { createHash } from 'node:crypto';
import { z } from 'zod';
import { artifactKeys, writeArtifact } from '../../core/artifacts.ts';
import { ConflictError, InvalidInputError } from '../../core/errors.ts';
import { isEnded, JobId, type JobRow, RepositoryName } from '../../core/job.ts';
import { Executions } from '../executions.ts';
import { PUBLISHABLE_BY, unpublishable } from '../publishable.ts';
import type { Storage } from '../storage.ts';
import { repositoryNames } from '../totals.ts';
import { fingerprintOf, idempotencyKey } from './idempotency.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });
const body = z
  .strictObject({ repositories: z.array(RepositoryName).min(1).max(10_000).optional() })
  .optional();

/** How many names a problem document lists. */
const NAMED = 5;

/**
 * Opens pull requests of what the job has recorded, as its next run and without a call of the model: of all that have
 * none, or of those named. 202 with the job; 200 where the Idempotency-Key says that this was asked before.
 */
export const openPullRequests = route(
  'POST',
  '/jobs/{jobId}/pull-requests',
  { role: 'runner', params, body },
  async ({ params: { jobId }, body, headers, createdBy }, storage) => {
    const { jobs, settings, now } = storage;
    const job = await jobs.get(jobId);
    const known = await repositoryNames(storage.artifacts, jobId);
    const wanted = body?.repositories && namesOfJob(jobId, body.repositories, known);
    const run = job.run + 1;
    const key = idempotencyKey(headers, { createdBy, scope: `${jobId}/pull-requests` });
    const fingerprint = fingerprintOf(body ?? {});
    const claim = key
      ? await jobs.claimIdempotencyKey(key, { boundJobId: jobId, boundRun: run, fingerprint }, now())
      : undefined;
    if (claim && claim.fingerprint !== fingerprint) {
      throw new ConflictError(
        `This Idempotency-Key was used for other repositories of the job ${jobId}; give each request a key of its own.`,
      );
    }
    const asked = (current: JobRow) => claim && (claim.boundRun ?? 0) <= current.run;
    if (asked(job)) return { json: await resume(job, storage) };

    const names = await namesToPublish(job, wanted ?? known, storage);
    const selection = wanted && (await writeSelection(jobId, names, storage));
    const request = { action: 'publish' as const, ...(selection && { selection }) };
    if (!isEnded(job.status) || !(await jobs.reserveRun(jobId, job.run, request, now()))) {
      const current = await jobs.get(jobId);
      if (asked(current)) return { json: await resume(current, storage) };
      throw new ConflictError(
        `The job ${jobId} is ${current.status}, run ${current.run}; pull requests can be asked for once it has ended.`,
      );
    }
    await new Executions(settings).start({ jobId, run, action: 'publish' });
    return { status: 202, json: await jobs.get(jobId) };
  },
);

/** Whoever came first may have died before the execution was started; a second start is the same execution. */
async function resume(job: JobRow, { settings, jobs }: Storage): Promise<JobRow> {
  if (!isEnded(job.status) && !job.executionArn) await new Executions(settings).start(job);
  return jobs.get(job.jobId);
}

/** Those of the repositories that have a change without a pull request; throws where none has. */
async function namesToPublish(
  { jobId, status }: JobRow,
  names: readonly string[],
  { repositories }: Storage,
): Promise<string[]> {
  const rows = await repositories.getMany(jobId, names, PUBLISHABLE_BY);
  const reasons = rows.map((row) => [row.repositoryName, unpublishable(row)] as const);
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
  { artifacts }: Storage,
): Promise<string> {
  const digest = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16);
  const key = artifactKeys.selection(jobId, digest);
  await writeArtifact(artifacts, key, names);
  return key;
}
