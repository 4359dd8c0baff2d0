import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { isAllowed } from '../../core/allowed-repositories.ts';
import { ModelRequestError, UsageError } from '../../core/errors.ts';
import { type JobRequest, RepositoryName } from '../../core/job.ts';
import { refusalOfModel } from '../../core/model-check.ts';
import { unpricedNote } from '../../core/models.ts';
import { defaultJobSettings, isModelPriced, parseSettings, type Variables } from '../../core/settings.ts';
import { print, printJson, tell } from '../../core/terminal.ts';
import { type RunningStack, runningStack } from '../../local/data-folder.ts';
import { startStack } from '../../local/stack.ts';
import { ApiClient } from '../api-client.ts';
import { followJob } from '../follow-job.ts';
import { dataFolderOf, hasClaudeKey, invocationFolder, readPrompt, userVariables } from '../invocation.ts';
import { registerWorkTrees } from '../register.ts';
import { requireGit } from '../require-git.ts';
import { costCell, resultTable } from '../result-table.ts';
import { parseOptions, positiveNumber, wholeNumber } from '../usage.ts';
import { inspectWorkTree, type WorkTree } from '../work-tree.ts';
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

/** `cody-batch run`: one job, followed to its end. Returns the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, OPTIONS);
  const prompt = await readPrompt(options);
  await requireGit();
  const repositories = await sortRepositories(options.repo ?? []);
  const given = userVariables(options.settings);
  const stack = await openStack(options, repositories, given);
  try {
    const api = new ApiClient(stack.api, stack.secret);
    const names = stack.gitHub
      ? await registerAndTell(repositories.trees, stack.gitHub, stack.secret)
      : repositories.names;
    const request = jobRequest(options, prompt, names);
    if (stack.model === 'offline') tell(OFFLINE_NOTE);
    else {
      await requireModel(request, given);
      if (!(await agreeToSpend(request, given, options.yes ?? false))) return 2;
    }

    const job = await api.createJob(request);
    await followJob(api, job.jobId);
    const result = await api.getResults(job.jobId);
    if (options.out) await writeResults(api, result, path.resolve(invocationFolder(), options.out));
    if (options.json) printJson(result);
    else
      print(
        `${resultTable(result.results)}\n\n${result.jobId}: ${result.status}, cost ${costCell(result.costUsd)}\n`,
      );
    if (stack.gitHub && !stack.lasts && result.results.some(({ pullRequestUrl }) => pullRequestUrl))
      tell(KEPT_NOTE);
    if (result.error) tell(`${result.error.name}: ${result.error.message}`);
    const succeeded = result.results.every(
      ({ status, pullRequest, notDone = [] }) =>
        status === 'completed' && pullRequest?.state !== 'failed' && notDone.length === 0,
    );
    return result.status === 'completed' && succeeded ? 0 : 1;
  } finally {
    await stack.close();
  }
}

export const OFFLINE_NOTE =
  'The offline model does the work: it carries out the literal replacements that the prompt names, and is no language model. Set ANTHROPIC_API_KEY to use Claude.';

const KEPT_NOTE =
  'The pull requests are kept in the data folder: `npm run cody -- serve` shows them again, its GitHub being at http://127.0.0.1:3004.';

type Repositories = { trees: WorkTree[]; names: string[] };

/** Work trees or GitHub's names; one job works on one kind. */
async function sortRepositories(given: readonly string[]): Promise<Repositories> {
  if (given.length === 0)
    throw new UsageError('--repo is missing; name a work tree, or owner/name, once for each repository.');
  const trees: WorkTree[] = [];
  const names: string[] = [];
  for (const repository of given) {
    const folder = path.resolve(invocationFolder(), repository);
    if (
      await stat(folder).then(
        (found) => found.isDirectory(),
        () => false,
      )
    )
      trees.push(await inspectWorkTree(folder));
    else if (RepositoryName.safeParse(repository).success) names.push(repository);
    else throw new UsageError(`--repo ${repository} is neither a folder nor owner/name.`);
  }
  if (trees.length > 0 && names.length > 0) {
    throw new UsageError(
      `${names[0]} is no folder here, so it would be GitHub's, and ${trees[0]!.path} is a work tree: one job works on one kind.`,
    );
  }
  return { trees, names };
}

/** `lasts` says that it is not this command's own. */
type OpenStack = RunningStack & { secret: string; lasts: boolean; close(): Promise<void> };

/** The stack that `serve` keeps up over the same data folder, or one for this job. */
async function openStack(options: Options, { names }: Repositories, given: Variables): Promise<OpenStack> {
  const dataFolder = dataFolderOf(options.data);
  const gitHub = names.length > 0 ? 'remote' : 'local';
  if (gitHub === 'remote' && !given.GITHUB_TOKEN)
    throw new UsageError(`${names[0]} is no folder here; to clone it from GitHub, set GITHUB_TOKEN.`);

  const running = runningStack(dataFolder);
  const model = running?.model ?? (hasClaudeKey(given) ? 'claude' : 'offline');
  if (model === 'offline' && options.model) {
    throw new UsageError(
      `--model ${options.model} needs ANTHROPIC_API_KEY or CLAUDE_API_KEY${running ? ' where `serve` was started' : ''}.`,
    );
  }
  if (running) {
    if ((gitHub === 'local') !== (running.gitHub !== undefined)) {
      throw new UsageError(
        `The stack that is up at ${running.api} works on ${running.gitHub ? 'work trees' : 'GitHub'}; end it, or name another --data.`,
      );
    }
    return { ...running, lasts: true, close: async () => {} };
  }
  const stack = await startStack({
    dataFolder,
    given: gitHub === 'remote' ? { ...given, ALLOWED_REPOSITORIES: admitted(names, given) } : given,
    gitHub,
    model,
    maxRunning: options.concurrency
      ? wholeNumber('concurrency', options.concurrency)
      : availableParallelism(),
    shared: false,
  });
  return { ...stack, lasts: false };
}

/** Those that are named, where the user's own setting does not speak against one of them. */
function admitted(names: readonly string[], given: Variables): string {
  const { ALLOWED_REPOSITORIES } = parseSettings(given);
  const refused = names.filter((name) => !isAllowed(ALLOWED_REPOSITORIES, name));
  if (given.ALLOWED_REPOSITORIES && refused.length > 0) {
    throw new UsageError(
      `ALLOWED_REPOSITORIES is ${given.ALLOWED_REPOSITORIES}, which does not admit ${refused.join(', ')}. Add ${refused.length > 1 ? 'them' : 'it'} there, or unset it for this command.`,
    );
  }
  return names.join(',');
}

async function registerAndTell(
  trees: readonly WorkTree[],
  gitHubUrl: string,
  secret: string,
): Promise<string[]> {
  const registered = await registerWorkTrees(trees, gitHubUrl, secret);
  for (const { path: folder, repositoryName, headSha, uncommitted } of registered) {
    const left = leftOut(uncommitted);
    tell(`${folder} is ${repositoryName} at ${headSha.slice(0, 10)}${left}`);
  }
  return registered.map(({ repositoryName }) => repositoryName);
}

function leftOut(uncommitted: number | undefined): string {
  if (uncommitted === undefined)
    return '; its index cannot be read, so what is uncommitted is left out uncounted';
  if (uncommitted === 0) return '';
  return `; ${uncommitted} uncommitted ${uncommitted === 1 ? 'file is' : 'files are'} left out`;
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

/** A bad key or model name is told before anything starts, and not once for each repository. */
async function requireModel({ settings }: JobRequest, given: Variables): Promise<void> {
  const environment = parseSettings(given);
  const refusal = await refusalOfModel(environment, settings?.model ?? environment.CLAUDE_MODEL);
  if (refusal) throw new ModelRequestError(refusal);
}

/** On a terminal, says what the caps allow to be spent and asks. */
async function agreeToSpend(request: JobRequest, given: Variables, yes: boolean): Promise<boolean> {
  const settings = parseSettings(given);
  const defaults = { ...defaultJobSettings(settings), ...request.settings };
  const job = request.maxCostUsd ?? settings.DEFAULT_JOB_COST_USD;
  const most = Math.min(job, defaults.maxCostUsd * request.repositories.length);
  const count = `${request.repositories.length} ${request.repositories.length === 1 ? 'repository' : 'repositories'}`;
  const caps = isModelPriced(defaults.model, settings)
    ? `The caps allow up to $${most.toFixed(2)}: $${defaults.maxCostUsd.toFixed(2)} a repository, $${job.toFixed(2)} the job (--max-cost).`
    : unpricedNote(defaults.model);
  tell(`${defaults.model} will work on ${count}. ${caps}`);
  if (yes || !process.stdin.isTTY || !process.stderr.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(?:es)?$/i.test((await terminal.question('Go on? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
}
