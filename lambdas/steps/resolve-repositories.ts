import type { z } from 'zod';
import { describeError, InvalidInputError } from '../../core/errors.ts';
import {
  type AnalyzeItem,
  type AnalyzeManifest,
  batchJobPrefix,
  ExecutionInput,
  type RunId,
} from '../../core/execution.ts';
import { inParallel } from '../../core/in-parallel.ts';
import { countsOf, type ErrorDescription, isEnded, type JobRow, JobText } from '../../core/job.ts';
import { WORKING_ATTRIBUTES } from '../../core/repository-result.ts';
import type { RunRequest } from '../../core/run-request.ts';
import type { Listed } from '../../core/sample.ts';
import { traceId } from '../../core/settings.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { readArtifact, writeArtifact } from '../../core/store/artifacts.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import { readRunRequest } from '../../core/store/run-requests.ts';
import { jobDefinitionOf } from '../../core/worker-image.ts';
import { choose } from '../choose/choose.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { openReader } from '../github/client.ts';
import { askRepositories } from '../github/graphql.ts';
import { logger } from '../logger.ts';
import { cleanUpRun } from '../run/clean-up.ts';
import { CANCELLED } from '../run/end-unfinished.ts';
import { failBeforeStart } from '../run/fail-before-start.ts';
import { letIn } from '../run/intake.ts';
import { needsApproval } from '../run/publishable.ts';
import { recordRunStart } from '../run/run-record.ts';
import { takeForRepair, takeForRevision } from '../run/take-for-revision.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';

export const Input = ExecutionInput;

/** Time for the worker to write its outcome after maxMinutes. */
const SAVING_SECONDS = 300;
/** Time that a worker may wait for the model's rate limit beyond maxMinutes (worker/claude/retry-budget.ts). */
const WAITING_SECONDS = 600;

/** The function has 15 minutes, and creates rows after this. */
const CHOOSING_MS = 8 * 60_000;

/** Lists the repositories of the job once, creates their rows, and writes those that have not ended as items of the Map. */
export async function resolveRepositories(
  { jobId, run }: z.infer<typeof Input>,
  context: Context,
): Promise<AnalyzeManifest> {
  return unlessDeleted(
    jobId,
    context,
    () => resolve(jobId, run, context),
    () => context.repositories.removeAll(jobId),
  );
}

async function resolve(jobId: string, run: number, context: Context): Promise<AnalyzeManifest> {
  const job = await context.jobs.getWhole(jobId);
  const jobDefinition = jobDefinitionOf(context.settings.JOB_DEFINITIONS, job.settings.image);
  await recordRunStart(job, context);
  const request = await readRunRequest(context.artifacts, job);
  const { names, held } = await letIn(jobId, request, () => listOf(job, context), context);
  await context.jobs.recordHeld(jobId, run, held);
  const seen = job.createPullRequests ? await lookAt(names, context) : NOTHING_SEEN;
  const { defaultBranches } = seen;
  const selected = request.selection && new Set(request.selection);
  const taken = selected ? names.filter((name) => selected.has(name)) : names;
  await context.repositories.createPending(jobId, taken, context.now(), run, job.expiresAt, defaultBranches);

  if (run > 1) await takeOver({ jobId, run }, taken, request, context);
  await context.control.openRun(jobId, run, job.expiresAt);
  await endWhereCancelled(jobId, run, context);

  await failBeforeStart({ jobId, run }, seen.refused, context);

  const rows = await context.repositories.getMany(jobId, names, ['repositoryName', 'status', 'from']);
  const items = rows
    .filter(({ status }) => !isEnded(status))
    .map(
      ({ repositoryName, from }): AnalyzeItem => ({
        repositoryName,
        batchJobName: batchJobName({ jobId, run }, repositoryName),
        attemptSeconds: Math.ceil(job.settings.maxMinutes * 60) + WAITING_SECONDS + SAVING_SECONDS,
        from: from === undefined ? '' : String(from),
      }),
    );
  const byStatus = Object.groupBy(rows, ({ status }) => status);
  const counts = countsOf(
    Object.fromEntries(Object.entries(byStatus).map(([status, group]) => [status, group.length])),
  );
  await context.jobs.recordCounts(jobId, run, counts, context.now());

  const prefix = `${artifactKeys.run(jobId, run)}analyze`;
  const key = `${prefix}/items.json`;
  await writeArtifact(context.artifacts, key, items, { plain: true });
  const { maxConcurrency: concurrency, createPullRequests } = job;
  const inWaves = createPullRequests && held === 0 && !needsApproval(job) && items.length > concurrency;
  const traced = traceId();
  const trace = traced ? `Root=${traced}` : '';
  return {
    key,
    prefix: `${prefix}/results`,
    concurrency,
    count: items.length,
    inWaves,
    trace,
    jobDefinition,
  };
}

type Seen = { refused: Map<string, ErrorDescription>; defaultBranches: Map<string, string> };
const NOTHING_SEEN: Seen = { refused: new Map(), defaultBranches: new Map() };

/**
 * Asks GitHub for default branches and archived repositories, a hundred per call. If GitHub fails, the job continues;
 * publishing reports such repositories later.
 */
async function lookAt(names: readonly string[], { settings }: Context): Promise<Seen> {
  const seen: Seen = { refused: new Map(), defaultBranches: new Map() };
  try {
    const github = await openReader(settings, names[0]!);
    for await (const [name, repository] of askRepositories(github, names)) {
      const { isArchived, isDisabled, defaultBranchRef } = repository ?? {};
      if (defaultBranchRef) seen.defaultBranches.set(name, defaultBranchRef.name);
      if (!isArchived && !isDisabled) continue;
      const fault = isArchived ? 'is archived' : 'was disabled by GitHub';
      const advice = isArchived ? 'Unarchive it, then retry the job' : 'Ask its owner';
      seen.refused.set(name, {
        name: 'RepositoryUnavailableError',
        message: `${name} ${fault}, so no pull request can be opened in it. It was not analysed. ${advice}, or start a job without it.`,
      });
    }
  } catch (error) {
    logger.warn('Archived repositories could not be looked up', { error: describeError(error) });
  }
  return seen;
}

const TAKEN_OVER = [
  ...([
    'jobId',
    'repositoryName',
    'status',
    'judgement',
    'run',
    'resultRun',
    'artifacts',
    'tokenUsage',
    'costUsd',
  ] as const),
  ...WORKING_ATTRIBUTES,
] as const;

/**
 * Resets the repositories that this run works on again, after cleaning up an unfinished cancel of the previous run: those
 * that failed or were cancelled for a retry, and all of the sample if a job continues with `redo`: there a result that
 * completed stays until another one completes. The API does not do this, because it takes minutes for 10,000 rows.
 */
async function takeOver(
  { jobId, run }: RunId,
  names: readonly string[],
  { kind, redo, selection, asked }: RunRequest,
  context: Context,
): Promise<void> {
  await cleanUpRun({ jobId, run: run - 1 }, CANCELLED, context);
  if (kind === 'revise') return takeForRevision({ jobId, run }, names, context);
  if (kind === 'repair') return takeForRepair({ jobId, run, asked }, names, context);
  if (kind === 'continue' && !redo) return;
  const rows = await context.repositories.getMany(jobId, names, TAKEN_OVER);
  const { repositories, now } = context;
  await inParallel(rows, PARALLEL, async (row) => {
    if (row.status === 'completed' && redo)
      await repositories.resetForRevision(row, run, now(), { isAnew: true });
    if (row.status !== 'failed' && row.status !== 'cancelled') return;
    // What the judge rejected runs again only if it is picked.
    if (row.judgement?.decision === 'reject' && !selection) return;
    if (await repositories.resetForRun(row, run, now()))
      await repositories.removeDiff(jobId, row.repositoryName);
  });
}

/** A cancel while the rows were being created has ended only those that existed then. */
async function endWhereCancelled(jobId: string, run: number, context: Context): Promise<void> {
  const job = await context.jobs.get(jobId);
  if (job.status === 'cancelled' || job.run !== run) await cleanUpRun({ jobId, run }, CANCELLED, context);
}

/** The repositories that the job's entries come to, each once. Records why each is in, and what was left out. */
async function listOf(job: JobRow, context: Context): Promise<Listed[]> {
  const { artifacts } = context;
  const { repositories } = await readArtifact(artifacts, artifactKeys.request(job.jobId), JobText);
  const choice = await choose(repositories, context, CHOOSING_MS, { isStart: true });
  const [missing] = choice.incomplete;
  if (missing) {
    throw new InvalidInputError(
      `Not every repository of ${JSON.stringify(missing.entry)} could be found: ${missing.because}. The job was not started.`,
      { field: 'repositories', received: missing.entry },
    );
  }
  refuseWrongCount(choice.repositories.length, job, repositories);
  await writeArtifact(artifacts, artifactKeys.choice(job.jobId), choice);
  return choice.repositories.map(({ repositoryName: name, language, sizeKiB }) => ({
    name,
    language,
    sizeKiB,
  }));
}

function refuseWrongCount(count: number, job: JobRow, patterns: string[]): void {
  const field = 'repositories';
  const received = patterns.slice(0, 5).join(', ');
  if (count === 0) {
    throw new InvalidInputError(
      `The job has no repositories: the token can see none of ${received} that ALLOWED_REPOSITORIES allows. Correct the names or ALLOWED_REPOSITORIES, or give the token access.`,
      { field, received },
    );
  }
  if (count > job.maxRepositories) {
    throw new InvalidInputError(
      `The job has ${count} repositories (${received}${patterns.length > 5 ? ' …' : ''}), but its maxRepositories is ${job.maxRepositories}. Name fewer, or raise maxRepositories (at most MAX_REPOSITORIES).`,
      { field, received: count, expected: `at most ${job.maxRepositories}` },
    );
  }
}

/** `{jobId}-{run}-{owner}_{name}`, limited to the characters and length that Batch allows. */
function batchJobName(run: RunId, repositoryName: string): string {
  return `${batchJobPrefix(run)}${repositoryName.replace('/', '_').replace(/[^A-Za-z0-9_-]/g, '-')}`.slice(
    0,
    128,
  );
}

export const handler = functionHandler(Input, resolveRepositories);
