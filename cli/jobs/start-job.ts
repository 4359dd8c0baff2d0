import type { Command } from 'commander';
import type { DryRun } from '../../core/choice.ts';
import { UsageError } from '../../core/errors.ts';
import type { Job, JobRequest } from '../../core/job.ts';
import { ApiClient } from '../connect/api-client.ts';
import type { Connection } from '../connect/connection.ts';
import { type Target, type TargetOptions, targetOf } from '../connect/target.ts';
import { tell } from '../terminal/print.ts';
import { findRepositories, namedRepositories, registerAndReport } from '../trees/repositories.ts';
import { requireGit } from '../trees/require-git.ts';
import { confirmSpending, costNote, requireModel } from './confirm-cost.ts';
import { rememberLast } from './job-reference.ts';
import { type Draft, draftOf, refusedBy, requestOf } from './job-request.ts';
import { offerPilot, sampleSize } from './pilot.ts';
import { readPrompt } from './read-prompt.ts';
import { repositories } from './repository-count.ts';

export type StartOptions = TargetOptions & {
  repo?: string[];
  reposFrom?: string;
  search?: string[];
  prompt?: string;
  promptFile?: string;
  model?: string;
  concurrency?: number;
  yes?: boolean;
  all?: boolean;
};

export type Started = { job: Job; connection: Connection };

const OFFLINE_NOTE =
  'The offline model does the work. It is not a language model: it carries out the literal replacements that the prompt names. Set ANTHROPIC_API_KEY to use Claude.';

/**
 * Starts the job that the options describe, after all questions and every check that needs no stack. Returns undefined if the
 * user declined. The caller closes the connection.
 */
export async function startJob(command: Command): Promise<Started | undefined> {
  const options = command.opts<StartOptions>();
  const target = targetOf(options);
  const draft = await draftOf(command);
  const prompt = (await readPrompt(options)) ?? draft.fields.prompt;
  if (prompt === undefined) {
    throw new UsageError(
      'Give the change to make by --prompt, by --prompt-file, or in a file of a job (--file).',
    );
  }
  draft.fields.prompt = prompt;
  const named = await namedRepositories({ ...options, inFile: draft.fields.repositories });
  return target.kind === 'api'
    ? startOnDeployment(target, named, draft, options)
    : startHere(target, named, draft, options);
}

async function startHere(
  target: Extract<Target, { kind: 'data' }>,
  named: readonly string[],
  draft: Draft,
  options: StartOptions,
): Promise<Started | undefined> {
  if (options.search) {
    throw new UsageError(
      '--search looks in the repositories of a deployment. Name one by --api or --context.',
    );
  }
  if (named.length > 0) tell('Reading the repositories …');
  const { modelFor, openStackForJob } = await import('../connect/open-stack.ts');
  const { userVariables } = await import('../connect/user-settings.ts');
  await requireGit();
  const { trees, names } = await findRepositories(named);
  const given = userVariables(options.settings);
  const wanted = names.length > 0 ? names : trees.map(({ name }) => name);
  const request = requestOf({ ...draft, fields: { ...draft.fields, repositories: wanted } });
  const needs = { model: request.settings?.model, concurrency: request.maxConcurrency, names };
  const model = modelFor(target.folder, needs, given);
  if (model === 'offline') {
    await requireReplacements(request);
    tell(OFFLINE_NOTE);
    await offerPilot(request, wanted.length, options);
  } else {
    await requireModel(request, given);
    await offerPilot(request, wanted.length, options);
    const count = sampleSize(request) ?? wanted.length;
    if (!(await confirmSpending(costNote(request, count, given), options.yes ?? false))) return undefined;
  }
  tell('Starting …');
  const stack = await openStackForJob(target.folder, needs, given);
  const connection = {
    api: new ApiClient(stack.api, stack.secret),
    target,
    stack,
    close: () => stack.close(),
  };
  try {
    const registered = stack.gitHub ? await registerAndReport(trees, stack.gitHub, stack.secret) : names;
    return await create(connection, { ...request, repositories: registered }, draft);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function startOnDeployment(
  target: Extract<Target, { kind: 'api' }>,
  named: readonly string[],
  draft: Draft,
  options: StartOptions,
): Promise<Started | undefined> {
  const { authorizationOf } = await import('../connect/tokens.ts');
  const api = new ApiClient(target.url, authorizationOf(target.url));
  const names = [...named, ...(await searched(api, options.search ?? []))];
  if (names.length === 0) {
    throw new UsageError('--repo is missing. Name owner/name or owner/*, or look for some by --search.');
  }
  const request = requestOf({ ...draft, fields: { ...draft.fields, repositories: names } });
  tell(`The job runs at ${target.url} (${target.from}).`);
  const would = await api.dryRun(request).catch((error: unknown) => {
    throw refusedBy(error, draft);
  });
  if (would.refusals.length > 0) throw new UsageError(would.refusals.join(' '));
  const isNamed = new Set(names.map((name) => name.toLowerCase()));
  for (const { repositoryName, because } of would.leftOut)
    if (isNamed.has(repositoryName.toLowerCase())) tell(`${repositoryName} is left out. ${because}.`);
  await offerPilot(request, would.count, options);
  if (!(await confirmSpending(deploymentNote(would, sampleSize(request)), options.yes ?? false)))
    return undefined;
  return create({ api, target, close: async () => {} }, request, draft);
}

function deploymentNote({ count, mostUsd, estimate, settings }: DryRun, sample: number | undefined): string {
  const first = sample === undefined ? '' : `, ${sample} of them first`;
  const most =
    mostUsd === null
      ? 'No price is known for it, so no cap in dollars holds.'
      : `The caps allow up to $${mostUsd.toFixed(2)} (--max-cost).`;
  const likely = estimate
    ? ` Earlier jobs make $${estimate.totalUsd.median.toFixed(2)} likely, and $${estimate.totalUsd.p90.toFixed(2)} possible.`
    : '';
  return `${settings.model} will work on ${repositories(count)}${first}. ${most}${likely}`;
}

async function searched(api: ApiClient, texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const filter of texts) {
    let cursor: string | undefined;
    do {
      const page = await api.listRepositories({ filter, cursor, limit: '1000' });
      found.push(...page.repositories);
      cursor = page.cursor;
    } while (cursor);
    if (found.length === 0)
      throw new UsageError(`--search ${filter} finds no repository that the deployment allows.`);
  }
  return found;
}

async function create(connection: Connection, request: JobRequest, draft: Draft): Promise<Started> {
  // The same request sent again, after an answer was lost, is the same job.
  const job = await connection.api.createJob(request, crypto.randomUUID()).catch((error: unknown) => {
    throw refusedBy(error, draft);
  });
  await rememberLast(connection, job.jobId);
  tell(`${job.jobId} has started.`);
  return { job, connection };
}

/** The offline model fails every repository of any other prompt. */
async function requireReplacements({ prompt }: JobRequest): Promise<void> {
  const { namedReplacements } = await import('../../local/model/replacements.ts');
  if (namedReplacements([prompt]).length > 0) return;
  throw new UsageError(
    "The prompt names no literal replacement, and without a key only the offline model can work, which does nothing else. Set ANTHROPIC_API_KEY to use Claude, or write: Replace all occurrences of 'a(' with 'b('.",
  );
}
