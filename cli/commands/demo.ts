import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { Option } from 'commander';
import { hasPage, PAGE_FOLDER } from '../../local/page.ts';
import { LOCAL_TRACKING_SECONDS } from '../../local/schedules.ts';
import type { Stack } from '../../local/stack.ts';
import { ApiClient } from '../connect/api-client.ts';
import type { Connection } from '../connect/connection.ts';
import { describeCommand, onRun } from '../frame/command.ts';
import { followJob } from '../jobs/follow-job.ts';
import { patchText } from '../jobs/patch.ts';
import { resultTable } from '../jobs/result-table.ts';
import { print, printProse, printStyled, tell } from '../terminal/print.ts';
import { makePackageRepository } from '../trees/package-repository.ts';
import { registerWorkTrees } from '../trees/register.ts';
import { requireGit } from '../trees/require-git.ts';
import { inspectWorkTree } from '../trees/work-tree.ts';

/** npm packages that are installed with the product. */
const PACKAGES = ['dynalite', 'async', 'abstract-level'];
const PROMPT = "Replace all occurrences of 'throw new Error(' with 'throw new TypeError('.";

export const demo = describeCommand('demo', {
  summary: 'runs a whole job on this machine, without keys',
  description:
    'Runs a whole job on real source on this machine: no keys, nothing to configure, under half a minute. Removes everything at the end.',
  examples: [
    ['demo', 'three repositories, three pull requests'],
    ['demo --keep', 'leaves it running, to look at the page and to merge the pull requests'],
  ],
}).addOption(new Option('--keep', 'keeps everything running until Ctrl-C, and prints where to look'));

onRun<{ keep?: boolean }>(demo, async ({ keep = false }) => {
  tell('Starting Step Functions, Batch, DynamoDB, GitHub and the offline model on this machine …');
  await requireGit();
  const started = performance.now();
  const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'cody-batch-demo-'));
  try {
    return await runIn(folder, started, keep);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function runIn(folder: string, started: number, keep: boolean): Promise<number> {
  const { startStack } = await import('../../local/stack.ts');
  const making = Promise.all(
    PACKAGES.map((name) => makePackageRepository(name, path.join(folder, 'source'))),
  );
  // Awaited below, where the stack is closed if it fails: an open one would keep the command running.
  making.catch(() => {});
  const stack = await startStack({
    dataFolder: path.join(folder, 'data'),
    // Ignores the shell's settings, so that a demonstration never spends money and never calls GitHub.
    given: {},
    gitHub: 'local',
    model: 'offline',
    maxRunning: availableParallelism(),
    shared: false,
    trackingSeconds: LOCAL_TRACKING_SECONDS,
    page: hasPage() ? PAGE_FOLDER : undefined,
  });
  try {
    const trees = await making;
    const api = new ApiClient(stack.api, stack.secret);
    const workTrees = await Promise.all(trees.map(({ folder }) => inspectWorkTree(folder)));
    const repositories = await registerWorkTrees(workTrees, stack.gitHub!, stack.secret);
    for (const { name, files } of trees)
      tell(`${files} files of ${name} are registered as a repository of the local GitHub`);
    tell(`POST ${stack.api}/jobs: ${PROMPT}`);
    const { jobId } = await api.createJob({
      name: 'Demonstration',
      prompt: PROMPT,
      repositories: repositories.map(({ repositoryName }) => repositoryName),
      createPullRequests: true,
    });
    await followJob({ api } as Pick<Connection, 'api'>, jobId);
    const result = await api.getResults(jobId);
    printStyled(`\n${resultTable(result.results)}\n\n`);
    const changed = result.results.find(({ outcome }) => outcome === 'changed');
    if (changed) await printExample(api, jobId, changed.repositoryName);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    print(`${jobId}: ${result.status} in ${seconds} s, everything included.\n`);
    printProse(EXPLANATION);
    if (keep) await stayUntilInterrupted(stack, jobId, result.results);
    else printProse(END);
    return result.status === 'completed' && result.results.every(({ pullRequestUrl }) => pullRequestUrl)
      ? 0
      : 1;
  } finally {
    await stack.close();
  }
}

const EXAMPLE_LINES = 12;

/** The repositories are gone at the end, so this is where one sees what was changed. */
async function printExample(api: ApiClient, jobId: string, name: string): Promise<void> {
  const patch = (await api.getDiff(jobId, name))?.toString('utf8') ?? '';
  const lines = patchText(Buffer.from(patch)).split('\n');
  print(`The first lines of the change of ${name}:\n\n`);
  printStyled(`${lines.slice(0, EXAMPLE_LINES).join('\n')}\n\n`);
}

const EXPLANATION = `
The offline model did the work. It is not a language model: it carries out the literal replacements that a prompt names, and has no price. Keys and tokens in the environment were ignored. To let Claude work on your own work trees:

  ANTHROPIC_API_KEY=… cody-batch run --repo PATH --prompt "…"

In a checkout, \`npm run cody --\` stands for \`cody-batch\`.
`;

const END = `
Nothing is left running, and the repositories of this demonstration are removed. \`cody-batch demo --keep\` leaves them for you to look at in the browser, and \`cody-batch serve\` starts a stack that keeps running.
`;

/** Where to look, until Ctrl-C. */
async function stayUntilInterrupted(
  stack: Stack,
  jobId: string,
  results: readonly { pullRequestUrl?: string | null }[],
): Promise<void> {
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const pulls = results.flatMap(({ pullRequestUrl }) => (pullRequestUrl ? [pullRequestUrl] : []));
  const job = hasPage() ? `${stack.api}/j/${jobId}` : 'the page is not built; npm run build:web builds it';
  printProse(`
Open in a browser:

  the job            ${job}
${pulls.map((url) => `  a pull request     ${url}`).join('\n')}

Merge one on its page: the job's page shows it within a minute, or when you return to it. Ctrl-C ends everything and removes it.
`);
  await interrupted;
  tell('Ending …');
}
