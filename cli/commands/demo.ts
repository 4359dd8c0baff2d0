import { execFile } from 'node:child_process';
import { cp, mkdtemp, realpath, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { print, tell } from '../../core/terminal.ts';
import { gitEnvironment } from '../../local/github/git.ts';
import { startStack } from '../../local/stack.ts';
import { ApiClient } from '../api-client.ts';
import { followJob } from '../follow-job.ts';
import { registerWorkTrees } from '../register.ts';
import { requireGit } from '../require-git.ts';
import { resultTable } from '../result-table.ts';
import { parseOptions } from '../usage.ts';
import { inspectWorkTree } from '../work-tree.ts';

/** Packages that are installed with the product, with hundreds of files each. */
const PACKAGES = ['zod', '@anthropic-ai/sdk', '@aws-sdk/client-s3'];
const PROMPT = "Replace all occurrences of 'throw new Error(' with 'throw new TypeError('.";

/** `cody-batch demo`: a whole job on this machine, without keys, that leaves nothing behind. Returns the exit status. */
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
        // Nothing of the shell's: a demonstration never spends money and never speaks to GitHub.
        given: {},
        gitHub: 'local',
        model: 'offline',
        maxRunning: availableParallelism(),
        shared: false,
      }),
      Promise.all(PACKAGES.map((name) => makeRepository(name, path.join(folder, 'source')))),
    ]);
    try {
      const api = new ApiClient(stack.api, stack.secret);
      const workTrees = await Promise.all(trees.map(({ folder }) => inspectWorkTree(folder)));
      const repositories = await registerWorkTrees(workTrees, stack.gitHub!, stack.secret);
      for (const { name, files } of trees)
        tell(`${files} files of ${name} are a repository of the local GitHub`);
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
The offline model did the work: it is no language model, only carries out the literal replacements that a prompt
names, and has no price. Keys and tokens of this shell were ignored. With Claude, on your own work trees:

  ANTHROPIC_API_KEY=… npm run cody -- run --repo PATH --prompt "…"

Nothing is left running, and the repositories of this demonstration are gone. \`npm run cody -- serve\` keeps a stack up.
`;

/** Makes a git repository of an installed package's files. */
async function makeRepository(
  name: string,
  parent: string,
): Promise<{ name: string; folder: string; files: number }> {
  const source = packageFolder(name);
  const folder = path.join(parent, name.replace('/', '-').replace('@', ''));
  await cp(source, folder, {
    recursive: true,
    filter: (file) => path.relative(source, file).split(path.sep)[0] !== 'node_modules',
  });
  const git = async (...args: string[]) => {
    const options = { cwd: folder, env: { ...gitEnvironment(), ...IDENTITY }, maxBuffer: 16 * 1024 * 1024 };
    return (await promisify(execFile)('git', args, options)).stdout;
  };
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all', '--force');
  await git('commit', '--quiet', '--message', `The published files of ${name}`);
  const files = (await git('ls-files', '-z')).split('\0').length - 1;
  return { name, folder, files };
}

const IDENTITY = Object.fromEntries(
  ['AUTHOR', 'COMMITTER'].flatMap((who) => [
    [`GIT_${who}_NAME`, 'Cody Batch'],
    [`GIT_${who}_EMAIL`, 'cody-batch@localhost'],
  ]),
);

function packageFolder(name: string): string {
  const entry = fileURLToPath(import.meta.resolve(name));
  const inside = path.join('node_modules', ...name.split('/'));
  return entry.slice(0, entry.lastIndexOf(inside) + inside.length);
}
