import { isAllowed } from '../../core/allowed-repositories.ts';
import { ConflictError, InvalidInputError } from '../../core/errors.ts';
import {
  countsOf,
  isEnded,
  JobRequest,
  type JobRow,
  JobText,
  newJobId,
  ShownJobWithText,
} from '../../core/job.ts';
import { defaultJobSettings, isModelPriced, type Settings } from '../../core/settings.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../core/store/artifacts.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import type { Context } from '../context.ts';
import { Executions } from '../run/executions.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';
import { fingerprintOf, idempotencyKey } from './idempotency.ts';
import { HttpError, RouteInputError } from './problem.ts';
import { route } from './route.ts';

/**
 * Writes the job and starts its execution: 201 with the job. With an Idempotency-Key that was used before, for the same
 * body, 200 with the job of the first request.
 */
export const createJob = route(
  'POST',
  '/jobs',
  {
    role: 'runner',
    summary:
      'Starts a job; with an Idempotency-Key that was used before, answers the job of the first request.',
    body: JobRequest,
    isIdempotent: true,
    responses: { 201: ShownJobWithText, 200: ShownJobWithText },
    problems: [409, 410],
  },
  async ({ body, headers, createdBy }, context) => {
    const { jobs, artifacts, settings, now } = context;
    refuseRepositories(body, settings);
    refuseAboveCeilings(body, settings);
    refuseModel(body, settings);
    refuseSignOffOfNobody(body, settings);
    refuseCommandSecrets(body, settings);
    const jobId = await jobIdFor(headers, { body, createdBy }, context);
    const at = now();
    const job = {
      ...newJob(jobId, body, settings, at),
      expiresAt: jobs.expiresAt(at),
      ...(createdBy && { createdBy }),
    };
    const text = JobText.parse(body);
    if (await jobs.deletion(jobId)) throw wasDeleted(jobId);
    const created = await unlessDeleted(jobId, context, async () => {
      // In this order: a row without its text would be a job that cannot run.
      await writeArtifact(artifacts, artifactKeys.request(jobId), text);
      return jobs.create(job);
    });
    const row = created ? job : await jobs.find(jobId);
    if (!row) throw wasDeleted(jobId);
    // Whoever came first may have died before this; a second start of the same run is the same execution.
    const started = row.executionArn !== undefined || isEnded(row.status);
    const executionArn = started ? row.executionArn : await new Executions(settings).start(row);
    return {
      status: created ? 201 : 200,
      headers: { location: `/jobs/${jobId}` },
      json: { ...row, ...text, executionArn },
    };
  },
);

/** A key stands for the job that its first request made, also where that job was deleted since. */
function wasDeleted(jobId: string): HttpError {
  return new HttpError(
    410,
    `The job ${jobId} of this Idempotency-Key was deleted. Send the request with another key to start a new job.`,
  );
}

/** A new identifier, or the one that an idempotency key was bound to. */
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
      `This Idempotency-Key was used for another body, as job ${claim.boundJobId}; give each job a key of its own.`,
    );
  }
  return claim.boundJobId;
}

function newJob(jobId: string, request: JobRequest, settings: Settings, at: string): JobRow {
  return {
    jobId,
    name: request.name ?? firstLine(request.prompt),
    ...(request.description && { description: request.description }),
    type: request.type ?? 'code-pattern-update',
    maxRepositories: request.maxRepositories ?? settings.MAX_REPOSITORIES,
    maxConcurrency: request.maxConcurrency ?? settings.DEFAULT_CONCURRENCY,
    maxCostUsd: request.maxCostUsd ?? settings.DEFAULT_JOB_COST_USD,
    createPullRequests: request.createPullRequests ?? false,
    settings: { ...defaultJobSettings(settings), ...request.settings },
    ...(request.pullRequest && { pullRequest: request.pullRequest }),
    run: 1,
    action: 'analyze',
    status: 'pending',
    counts: countsOf({ pending: distinct(request.repositories.filter((name) => !name.endsWith('/*'))) }),
    tokenUsage: NO_TOKENS,
    createdAt: at,
    updatedAt: at,
  };
}

/** GitHub's names are equal in any case. */
function distinct(names: readonly string[]): number {
  return new Set(names.map((name) => name.toLowerCase())).size;
}

function firstLine(prompt: string): string {
  const line = prompt.trim().split('\n')[0]!.trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** Known before any work is paid: the line names the commit's author. */
function refuseSignOffOfNobody({ pullRequest }: JobRequest, settings: Settings): void {
  if (!(pullRequest?.signOff ?? settings.SIGN_OFF) || settings.COMMIT_AUTHOR) return;
  throw new InvalidInputError(
    'A Signed-off-by line names the author of the commit, and COMMIT_AUTHOR is not set here. Set it ("Name <address>"), or leave signOff out.',
    {
      field: 'pullRequest.signOff',
      received: true,
      expected: 'false, or COMMIT_AUTHOR in the environment',
    },
  );
}

function refuseCommandSecrets({ settings: asked }: JobRequest, { COMMAND_SECRETS }: Settings): void {
  const refused = asked?.commandSecrets?.filter((name) => !COMMAND_SECRETS.includes(name)) ?? [];
  if (refused.length === 0) return;
  const allowed = COMMAND_SECRETS.join(', ') || 'no secret';
  throw new InvalidInputError(
    `COMMAND_SECRETS allows ${allowed}, and settings.commandSecrets names ${refused.join(', ')}. Leave it out, or have it added to the setting of the environment.`,
    { field: 'settings.commandSecrets', received: refused, expected: `names among ${allowed}` },
  );
}

/** What a job may ask for, and the setting that bounds it. */
function refuseAboveCeilings(request: JobRequest, settings: Settings): void {
  const { maxRepositories, maxConcurrency, maxCostUsd, settings: ofRepository = {} } = request;
  const asked = [
    ['maxRepositories', maxRepositories, 'MAX_REPOSITORIES'],
    ['maxConcurrency', maxConcurrency, 'MAX_CONCURRENCY'],
    ['maxCostUsd', maxCostUsd, 'MAX_JOB_COST_USD'],
    ['settings.maxTurns', ofRepository.maxTurns, 'MAX_TURNS'],
    ['settings.maxCostUsd', ofRepository.maxCostUsd, 'MAX_REPOSITORY_COST_USD'],
    ['settings.maxMinutes', ofRepository.maxMinutes, 'MAX_MINUTES'],
  ] as const;
  const faults = asked.flatMap(([field, received, setting]) =>
    received !== undefined && received > settings[setting]
      ? [{ field, received, expected: `at most ${settings[setting]}, by the setting ${setting}` }]
      : [],
  );
  if (faults.length > 0) throw new RouteInputError(faults);
}

/** Without a price neither cap on cost can be held, which whoever started the job would learn from the bill. */
function refuseModel({ settings: asked }: JobRequest, settings: Settings): void {
  const model = asked?.model ?? settings.CLAUDE_MODEL;
  const [field, received] = ['settings.model', model];
  const { ALLOWED_MODELS } = settings;
  if (ALLOWED_MODELS.length > 0 && !ALLOWED_MODELS.includes(model)) {
    throw new InvalidInputError(
      `The setting ALLOWED_MODELS allows ${ALLOWED_MODELS.join(', ')}, but not ${model}. Name one of them.`,
      { field, received, expected: `one of ${ALLOWED_MODELS.join(', ')}` },
    );
  }
  if (settings.ALLOW_UNPRICED_MODELS || isModelPriced(model, settings)) return;
  throw new InvalidInputError(
    `No price is known for ${model}, so that no cap on its cost could be held. Name a model with a price, or have the operator give its price by MODEL_PRICES, or allow it without one by ALLOW_UNPRICED_MODELS=true.`,
    { field, received, expected: 'a model with a known price' },
  );
}

function refuseRepositories(
  { repositories, maxRepositories = Number.POSITIVE_INFINITY }: JobRequest,
  settings: Settings,
): void {
  const field = 'repositories';
  const count = distinct(repositories);
  const named = distinct(repositories.filter((name) => !name.endsWith('/*')));
  if (named > maxRepositories) {
    throw new InvalidInputError(
      `The job names ${named} repositories, and its maxRepositories is ${maxRepositories}. Name fewer, or raise maxRepositories.`,
      { field, received: named, expected: `at most ${maxRepositories}, by maxRepositories` },
    );
  }
  if (count > settings.MAX_REPOSITORIES) {
    throw new InvalidInputError(
      `The job names ${count} repositories; MAX_REPOSITORIES allows ${settings.MAX_REPOSITORIES}. Name fewer, or raise the setting.`,
      { field, received: count, expected: `at most ${settings.MAX_REPOSITORIES}` },
    );
  }
  const refused = repositories.filter((name) => !isAllowed(settings.ALLOWED_REPOSITORIES, name));
  if (refused.length > 0) {
    const allowed = settings.ALLOWED_REPOSITORIES.join(', ') || 'nothing';
    throw new InvalidInputError(
      `ALLOWED_REPOSITORIES allows ${allowed}, but not ${refused.slice(0, 5).join(', ')}${refused.length > 5 ? ` and ${refused.length - 5} more` : ''}.`,
      { field, received: refused.slice(0, 5), expected: `repositories of ${allowed}` },
    );
  }
}
