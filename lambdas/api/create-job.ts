import { z } from 'zod';
import { isAllowed } from '../../core/allowed-repositories.ts';
import { DryRun } from '../../core/choice.ts';
import { ConflictError, InvalidInputError } from '../../core/errors.ts';
import {
  countsOf,
  isRunning,
  JobRequest,
  type JobRow,
  JobText,
  newJobId,
  ShownJobWithText,
} from '../../core/job.ts';
import { matcherOf, namedIn } from '../../core/repository-selector.ts';
import { defaultJobSettings, type Settings } from '../../core/settings.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../core/store/artifacts.ts';
import { writeRunRequest } from '../../core/store/run-requests.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import { parseEntries } from '../choose/choose.ts';
import type { Context } from '../context.ts';
import { measure } from '../metrics.ts';
import { Executions } from '../run/executions.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';
import { dryRun } from './dry-run.ts';
import { fingerprintOf, idempotencyKey } from './idempotency.ts';
import { HttpError } from './problem.ts';
import { refuseAgainstSettings } from './refusals.ts';
import { refuseUntouchable } from './refuse-untouchable.ts';
import { refuseWebhook } from './refuse-webhook.ts';
import { refuseWhileDrained } from './refuse-while-drained.ts';
import { route } from './route.ts';

const query = z.strictObject({
  /** `true`: answers what the job would do and may cost. Starts nothing, and stores nothing. */
  dryRun: z.enum(['true', 'false']).optional(),
});

/**
 * Creates the job and starts its execution: 201 with the job, or 200 with the existing job if the Idempotency-Key was used
 * before with the same body.
 */
export const createJob = route(
  'POST',
  '/jobs',
  {
    role: 'runner',
    summary:
      'Starts a job; with an Idempotency-Key that was used before, answers the job of the first request.',
    query,
    body: JobRequest,
    isFiltered: true,
    isIdempotent: true,
    responses: { 201: ShownJobWithText, 200: z.union([ShownJobWithText, DryRun]) },
    problems: [409, 410],
  },
  async ({ query, body, headers, createdBy, access }, context) => {
    const { jobs, artifacts, settings, now } = context;
    refuseRepositories(body, settings);
    refuseUntouchable(body.repositories, access);
    refuseSample(body);
    refuseAgainstSettings(body, settings);
    refuseWebhook(body, settings);
    if (query.dryRun === 'true')
      return { json: await dryRun(newJob(newJobId(), body, settings, now()), body, access, context) };
    await refuseWhileDrained(context);
    const jobId = await jobIdFor(headers, { body, createdBy }, context);
    const at = now();
    const job: JobRow = {
      ...newJob(jobId, body, settings, at),
      expiresAt: jobs.expiresAt(at),
      ...(createdBy && { createdBy }),
    };
    const text = JobText.parse(body);
    if (await jobs.deletion(jobId)) throw wasDeleted(jobId);
    const created = await unlessDeleted(jobId, context, async () => {
      // The texts come first: a row without them would be a job that cannot run.
      await writeArtifact(artifacts, artifactKeys.request(jobId), text);
      const { action, settings, maxCostUsd } = job;
      const asked = {
        kind: 'create' as const,
        action,
        settings,
        maxCostUsd,
        prompt: body.prompt,
        sample: body.sample,
      };
      job.request = await writeRunRequest(artifacts, jobId, {
        ...asked,
        requestedBy: createdBy,
        requestedAt: at,
      });
      return jobs.create(job);
    });
    const row = created ? job : await jobs.find(jobId);
    if (!row) throw wasDeleted(jobId);
    // The first request may have failed before this. Starting the same run twice is safe.
    const started = row.executionArn !== undefined || !isRunning(row.status);
    const executionArn = started ? row.executionArn : await new Executions(settings).startReserved(row);
    if (created) measure({ values: { StartedRuns: 1 }, about: { jobId } });
    return {
      status: created ? 201 : 200,
      headers: { location: `/jobs/${jobId}` },
      json: { ...row, ...text, executionArn },
    };
  },
);

/** An Idempotency-Key stays bound to the job of its first request, even after that job was deleted. */
function wasDeleted(jobId: string): HttpError {
  return new HttpError(
    410,
    `The job ${jobId}, which was created with this Idempotency-Key, was deleted. Send a new key to create a new job.`,
  );
}

/** A new jobId, or the one that the Idempotency-Key is bound to. */
async function jobIdFor(
  headers: Parameters<typeof idempotencyKey>[0],
  { body, createdBy }: { body: JobRequest; createdBy: string | undefined },
  { idempotencyKeys, now }: Context,
): Promise<string> {
  const jobId = newJobId();
  const key = idempotencyKey(headers, { createdBy });
  if (key === undefined) return jobId;
  const fingerprint = fingerprintOf(body);
  const claim = await idempotencyKeys.claim(key, { boundJobId: jobId, fingerprint }, now());
  if (claim.fingerprint !== fingerprint) {
    throw new ConflictError(
      `This Idempotency-Key was already used with another body, for the job ${claim.boundJobId}. Send a new key.`,
    );
  }
  return claim.boundJobId;
}

function newJob(jobId: string, request: JobRequest, settings: Settings, at: string): JobRow {
  const named = namedIn(request.repositories).length;
  const held = heldBack(request, named);
  return {
    jobId,
    name: request.name ?? firstLine(request.prompt),
    description: request.description,
    type: request.type ?? 'code-pattern-update',
    maxRepositories: request.maxRepositories ?? settings.MAX_REPOSITORIES,
    maxConcurrency: request.maxConcurrency ?? settings.DEFAULT_CONCURRENCY,
    maxCostUsd: request.maxCostUsd ?? settings.DEFAULT_JOB_COST_USD,
    createPullRequests: request.createPullRequests ?? false,
    review: request.review,
    settings: { ...defaultJobSettings(settings), ...request.settings },
    pullRequest: request.pullRequest,
    notify: request.notify,
    run: 1,
    action: 'analyze',
    status: 'pending',
    ...held,
    counts: countsOf({ pending: named - (held?.held ?? 0) }),
    tokenUsage: NO_TOKENS,
    createdAt: at,
    updatedAt: at,
  };
}

/** What is known of the held repositories before the patterns are resolved. */
function heldBack({ sample, repositories }: JobRequest, named: number): { held: number } | undefined {
  if (sample === undefined || namedIn(repositories).length < distinct(repositories)) return undefined;
  const held = named - (typeof sample === 'number' ? sample : distinct(sample));
  return held > 0 ? { held } : undefined;
}

/** Counts names once that differ in case only, as GitHub does. */
function distinct(names: readonly string[]): number {
  return new Set(names.map((name) => name.toLowerCase())).size;
}

function firstLine(prompt: string): string {
  const line = prompt.trim().split('\n')[0]!.trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** A name of the sample that no pattern of the job can match would never run. */
function refuseSample({ sample, repositories }: JobRequest): void {
  if (!Array.isArray(sample)) return;
  const isNamed = matcherOf(repositories);
  const others = sample.filter((name) => !isNamed(name));
  if (others.length === 0) return;
  throw new InvalidInputError(
    `The sample has ${others.slice(0, 5).join(', ')}, which the job's repositories do not name. Add it to repositories, or leave it out of the sample.`,
    { field: 'sample', received: others.slice(0, 5), expected: 'repositories of the job' },
  );
}

function refuseRepositories(
  { repositories, maxRepositories = Number.POSITIVE_INFINITY }: JobRequest,
  settings: Settings,
): void {
  const field = 'repositories';
  parseEntries(repositories);
  const count = distinct(repositories);
  const named = namedIn(repositories).length;
  if (named > maxRepositories) {
    throw new InvalidInputError(
      `The job names ${named} repositories, but its maxRepositories is ${maxRepositories}. Name fewer, or raise maxRepositories.`,
      { field, received: named, expected: `at most ${maxRepositories}, by maxRepositories` },
    );
  }
  if (count > settings.MAX_REPOSITORIES) {
    throw new InvalidInputError(
      `The job names ${count} repositories, but MAX_REPOSITORIES allows ${settings.MAX_REPOSITORIES}. Name fewer, or ask the operator to raise MAX_REPOSITORIES.`,
      { field, received: count, expected: `at most ${settings.MAX_REPOSITORIES}` },
    );
  }
  const refused = askedFor(repositories).filter((name) => !isAllowed(settings.ALLOWED_REPOSITORIES, name));
  if (refused.length > 0) {
    const allowed = settings.ALLOWED_REPOSITORIES.join(', ') || 'nothing';
    const more = refused.length > 5 ? ` and ${refused.length - 5} more` : '';
    throw new InvalidInputError(
      `Not allowed: ${refused.slice(0, 5).join(', ')}${more}. ALLOWED_REPOSITORIES allows ${allowed}. Name other repositories, or ask the operator to add these to ALLOWED_REPOSITORIES.`,
      { field, received: refused.slice(0, 5), expected: `repositories of ${allowed}` },
    );
  }
}

/** The names, and `owner/*` of each owner that a pattern is of. What searches come to is known later, and checked then. */
function askedFor(repositories: readonly string[]): string[] {
  return parseEntries(repositories).flatMap(({ selector }) => {
    if (selector.kind === 'name') return [selector.name];
    return selector.kind === 'pattern' ? [`${selector.owner}/*`] : [];
  });
}
