import { availableParallelism } from 'node:os';
import { UsageError } from '../../core/errors.ts';
import { JobId } from '../../core/job.ts';
import { print, printJson } from '../../core/terminal.ts';
import { runningStack } from '../../local/data-folder.ts';
import { startStack } from '../../local/stack.ts';
import { ApiClient } from '../api-client.ts';
import { followJob } from '../follow-job.ts';
import { dataFolderOf, hasClaudeKey, userVariables } from '../invocation.ts';
import { requireGit } from '../require-git.ts';
import { resultTable } from '../result-table.ts';
import { parseOptions } from '../usage.ts';

const OPTIONS = {
  repo: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  github: { type: 'boolean' },
  data: { type: 'string' },
  settings: { type: 'string' },
} as const;

/**
 * `cody-batch pull-requests JOB_ID`: opens the pull requests of a job that has ended, on the stack that `serve` keeps up
 * or on one of its own. Returns the exit status: 1 where one of those asked for could not be opened.
 */
export async function pullRequests([jobId = '', ...args]: readonly string[]): Promise<number> {
  if (!JobId.safeParse(jobId).success)
    throw new UsageError(
      `pull-requests takes the job's identifier first, as run and POST /jobs give it; received ${JSON.stringify(jobId)}.`,
    );
  const options = parseOptions(args, OPTIONS);
  const stack = await openStack(options);
  try {
    const api = new ApiClient(stack.api, stack.secret);
    await api.openPullRequests(jobId, options.repo);
    await followJob(api, jobId);
    const job = await api.getResults(jobId);
    const asked = new Set(options.repo?.map((name) => name.toLowerCase()));
    const results = job.results.filter(
      ({ repositoryName, pullRequest }) =>
        pullRequest && (asked.size === 0 || asked.has(repositoryName.toLowerCase())),
    );
    if (options.json) printJson(job);
    else print(`${resultTable(results)}\n`);
    return results.some(({ pullRequest }) => pullRequest?.state === 'failed' || pullRequest?.error) ? 1 : 0;
  } finally {
    await stack.close();
  }
}

async function openStack(options: { data?: string; github?: boolean; settings?: string }) {
  const given = userVariables(options.settings);
  const dataFolder = dataFolderOf(options.data);
  const running = runningStack(dataFolder);
  if (running) return { ...running, close: async () => {} };
  await requireGit();
  if (options.github && !given.GITHUB_TOKEN && !given.GITHUB_WRITE_TOKEN && !given.GITHUB_APP_ID)
    throw new UsageError('--github needs GITHUB_TOKEN, GITHUB_WRITE_TOKEN or GITHUB_APP_ID.');
  return startStack({
    dataFolder,
    given,
    gitHub: options.github ? 'remote' : 'local',
    model: hasClaudeKey(given) ? 'claude' : 'offline',
    maxRunning: availableParallelism(),
    shared: false,
  });
}
