import { UsageError } from '../../core/errors.ts';
import { JobId } from '../../core/job.ts';
import { print, printJson } from '../../core/terminal.ts';
import { ApiClient } from '../api-client.ts';
import { followJob } from '../follow-job.ts';
import { openStackForPullRequests } from '../open-stack.ts';
import { parseOptions } from '../options.ts';
import { resultTable } from '../result-table.ts';
import { userVariables } from '../user-settings.ts';

const OPTIONS = {
  repo: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  github: { type: 'boolean' },
  data: { type: 'string' },
  settings: { type: 'string' },
} as const;

/**
 * `cody-batch pull-requests JOB_ID`: opens the pull requests of a job that has ended. Returns the exit status, which is 1
 * if one of them could not be opened.
 */
export async function pullRequests([jobId = '', ...args]: readonly string[]): Promise<number> {
  if (!JobId.safeParse(jobId).success) {
    throw new UsageError(
      `The first argument of pull-requests is ${JSON.stringify(jobId)}; expected a job's identifier, which run prints and POST /jobs returns.`,
    );
  }
  const options = parseOptions(args, OPTIONS);
  const stack = await openStackForPullRequests(options, userVariables(options.settings));
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
