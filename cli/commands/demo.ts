import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { print, tell } from '../../core/terminal.ts';
import { startStack } from '../../local/stack.ts';
import { ApiClient } from '../api-client.ts';
import { followJob } from '../follow-job.ts';
import { parseOptions } from '../options.ts';
import { makePackageRepository } from '../package-repository.ts';
import { registerWorkTrees } from '../register.ts';
import { requireGit } from '../require-git.ts';
import { resultTable } from '../result-table.ts';
import { inspectWorkTree } from '../work-tree.ts';

/** npm packages that are installed with the product. */
const PACKAGES = ['dynalite', 'async', 'abstract-level'];
const PROMPT = "Replace all occurrences of 'throw new Error(' with 'throw new TypeError('.";

/** `cody-batch demo`: runs a whole job on this machine, without keys, and removes everything. Returns the exit status. */
export async function demo(args: readonly string[]): Promise<number> {
  parseOptions(args, {});
  await requireGit();
  const started = performance.now();
  const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'cody-batch-demo-'));
  try {
    tell('Starting Step Functions, Batch, DynamoDB, GitHub and the offline model on this machine …');
    const [stack, trees] = await Promise.all([
      startStack({
        dataFolder: path.join(folder, 'data'),
        // Ignores the shell's settings, so that a demonstration never spends money and never calls GitHub.
        given: {},
        gitHub: 'local',
        model: 'offline',
        maxRunning: availableParallelism(),
        shared: false,
      }),
      Promise.all(PACKAGES.map((name) => makePackageRepository(name, path.join(folder, 'source')))),
    ]);
    try {
      const api = new ApiClient(stack.api, stack.secret);
      const workTrees = await Promise.all(trees.map(({ folder }) => inspectWorkTree(folder)));
      const repositories = await registerWorkTrees(workTrees, stack.gitHub!, stack.secret);
      for (const { name, files } of trees)
        tell(`${files} files of ${name} are registered as a repository of the local GitHub`);
      tell(`POST ${stack.api}/jobs: ${PROMPT}`);
      const job = await api.createJob({
        name: 'Demonstration',
        prompt: PROMPT,
        repositories: repositories.map(({ repositoryName }) => repositoryName),
        createPullRequests: true,
      });
      await followJob(api, job.jobId);
      const result = await api.getResults(job.jobId);
      print(`\n${resultTable(result.results)}\n\n`);
      print(
        `${result.jobId}: ${result.status} in ${((performance.now() - started) / 1000).toFixed(1)} s, everything included.\n`,
      );
      print(EXPLANATION);
      return result.status === 'completed' && result.results.every(({ pullRequestUrl }) => pullRequestUrl)
        ? 0
        : 1;
    } finally {
      await stack.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const EXPLANATION = `
The offline model did the work. It is not a language model: it carries out the literal replacements that a prompt
names, and has no price. Keys and tokens in the environment were ignored. To let Claude work on your own work trees:

  ANTHROPIC_API_KEY=… npm run cody -- run --repo PATH --prompt "…"

Nothing is left running, and the repositories of this demonstration are removed. \`npm run cody -- serve\` starts a
stack that keeps running.
`;
