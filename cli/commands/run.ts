import path from 'node:path';
import type { JobRequest } from '../../core/job.ts';
import { print, printJson, tell } from '../../core/terminal.ts';
import { ApiClient, type JobWithResults } from '../api-client.ts';
import { confirmCost, requireModel } from '../confirm-cost.ts';
import { invocationFolder } from '../folders.ts';
import { followJob } from '../follow-job.ts';
import { openStackForJob } from '../open-stack.ts';
import { parseOptions, positiveNumber, wholeNumber } from '../options.ts';
import { readPrompt } from '../read-prompt.ts';
import { findRepositories, registerAndReport } from '../repositories.ts';
import { requireGit } from '../require-git.ts';
import { costCell, resultTable } from '../result-table.ts';
import { userVariables } from '../user-settings.ts';
import { writeResults } from '../write-results.ts';

const OPTIONS = {
  repo: { type: 'string', multiple: true },
  prompt: { type: 'string' },
  'prompt-file': { type: 'string' },
  name: { type: 'string' },
  model: { type: 'string' },
  'max-turns': { type: 'string' },
  'max-cost': { type: 'string' },
  concurrency: { type: 'string' },
  verify: { type: 'string', multiple: true },
  'create-pull-requests': { type: 'boolean' },
  out: { type: 'string' },
  json: { type: 'boolean' },
  yes: { type: 'boolean' },
  data: { type: 'string' },
  settings: { type: 'string' },
} as const;

type Options = ReturnType<typeof parseOptions<typeof OPTIONS>>;

const OFFLINE_NOTE =
  'The offline model does the work. It is not a language model: it carries out the literal replacements that the prompt names. Set ANTHROPIC_API_KEY to use Claude.';

const KEPT_NOTE =
  'The pull requests are kept in the data folder. `npm run cody -- serve` shows them again, on its GitHub at http://127.0.0.1:3004.';

/** `cody-batch run`: starts one job and follows it until it has ended. Returns the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, OPTIONS);
  const prompt = await readPrompt(options);
  await requireGit();
  const repositories = await findRepositories(options.repo ?? []);
  const given = userVariables(options.settings);
  const stack = await openStackForJob(options, repositories.names, given);
  try {
    const api = new ApiClient(stack.api, stack.secret);
    const names = stack.gitHub
      ? await registerAndReport(repositories.trees, stack.gitHub, stack.secret)
      : repositories.names;
    const request = jobRequest(options, prompt, names);
    if (stack.model === 'offline') tell(OFFLINE_NOTE);
    else {
      await requireModel(request, given);
      if (!(await confirmCost(request, given, options.yes ?? false))) return 2;
    }

    const job = await api.createJob(request);
    await followJob(api, job.jobId);
    const result = await api.getResults(job.jobId);
    if (options.out) await writeResults(api, result, path.resolve(invocationFolder(), options.out));
    if (options.json) printJson(result);
    else print(summary(result));
    const opened = result.results.some(({ pullRequestUrl }) => pullRequestUrl);
    if (stack.gitHub && !stack.lasts && opened) tell(KEPT_NOTE);
    if (result.error) tell(`${result.error.name}: ${result.error.message}`);
    return exitStatus(result);
  } finally {
    await stack.close();
  }
}

function jobRequest(options: Options, prompt: string, repositories: string[]): JobRequest {
  const maxCostUsd =
    options['max-cost'] === undefined ? undefined : positiveNumber('max-cost', options['max-cost']);
  return {
    ...(options.name && { name: options.name }),
    prompt,
    repositories,
    ...(options.concurrency && { maxConcurrency: wholeNumber('concurrency', options.concurrency) }),
    ...(maxCostUsd && { maxCostUsd }),
    ...(options['create-pull-requests'] && { createPullRequests: true }),
    settings: {
      ...(options.model && { model: options.model }),
      ...(options['max-turns'] && { maxTurns: wholeNumber('max-turns', options['max-turns']) }),
      ...(options.verify && { verify: options.verify }),
    },
  };
}

function summary({ jobId, status, costUsd, results }: JobWithResults): string {
  return `${resultTable(results)}\n\n${jobId}: ${status}, cost ${costCell(costUsd)}\n`;
}

function exitStatus({ status, results }: JobWithResults): number {
  const succeeded = results.every(
    ({ status, pullRequest, notDone = [] }) =>
      status === 'completed' && pullRequest?.state !== 'failed' && notDone.length === 0,
  );
  return status === 'completed' && succeeded ? 0 : 1;
}
