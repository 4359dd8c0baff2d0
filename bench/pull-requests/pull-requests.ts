import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../cli/connect/api-client.ts';
import { isEnded } from '../../core/job.ts';
import { startGitHub } from '../../local/github/server.ts';
import { closeOnce } from '../ending.ts';
import { type Figure, interleave, type Log, row } from '../figure.ts';
import { runJob } from '../fleet/job.ts';
import { serveStack } from '../fleet/served-stack.ts';
import { plainEnvironment } from '../measured-process.ts';
import { startModel } from '../model.ts';
import { makeSource, publish } from '../repositories.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import { openByScript } from './six-calls.ts';

const ROUNDS = 3;
const REPOSITORIES_PER_JOB = 25;
/** A published package of 20 to 50 files. */
const PACKAGE = 'ulid';
const WORKERS = 2;
const TOKEN = 'ghp_bench';
/** High enough never to be reached; the limit is on so that calls are counted. */
const LIMITS = { requestsPerHour: 10_000_000 };
const POLL_MS = 50;
/** A change of one file takes seven calls, and one more for the default branch in a job like this; see docs/pull-requests.md. */
const FEWEST_CALLS = 8;

/**
 * Opening the pull requests of recorded changes, from `POST /jobs/{jobId}/pull-requests` to the job's
 * end.
 */
export function measurePullRequests(log: Log): Promise<Figure> {
  return withTemporaryFolder(async (folder) => {
    const [dataFolder, gitHubFolder] = [path.join(folder, 'data'), path.join(folder, 'github')];
    await mkdir(dataFolder);
    const gitHub = await startGitHub({ access: 'anyone', dataFolder: gitHubFolder, limits: LIMITS });
    const closeGitHub = closeOnce(gitHub.close);
    const model = await startModel();
    const environment = {
      ...plainEnvironment(),
      ...{ CLAUDE_API_KEY: 'bench', ANTHROPIC_BASE_URL: model.url },
      ...{ GITHUB_API_URL: gitHub.apiUrl, GITHUB_TOKEN: TOKEN, ALLOWED_REPOSITORIES: 'local/*' },
      ...{ PULL_REQUESTS_PER_HOUR: '1000000', GITHUB_THROTTLE: 'false' },
    };
    const stack = await serveStack(dataFolder, WORKERS, environment, ['--github']);
    try {
      const source = await makeSource(PACKAGE, folder);
      const names = (kind: string, round: number) =>
        Array.from({ length: REPOSITORIES_PER_JOB }, (_, i) => `local/${kind}-${round}-${i + 1}`);
      const calls: number[] = [];
      const [product, script] = await interleave(ROUNDS, [
        async (round) => {
          log(`pull-requests: round ${round}, ${REPOSITORIES_PER_JOB} repositories`);
          const repositories = names('product', round);
          await publish(gitHub.url, new Map(repositories.map((name) => [name, source])));
          const { jobId } = await runJob(stack.api, repositories);
          const before = await callsSoFar(gitHub.apiUrl);
          const seconds = await openByProduct(stack.api, jobId);
          calls.push(((await callsSoFar(gitHub.apiUrl)) - before) / repositories.length);
          return seconds / repositories.length;
        },
        async (round) => {
          const repositories = names('script', round);
          await publish(gitHub.url, new Map(repositories.map((name) => [name, source])));
          return (await openByScript(gitHub.apiUrl, TOKEN, repositories)) / repositories.length;
        },
      ]);
      return figureOf(product!, script!, calls);
    } finally {
      await stack.close();
      await model.close();
      await closeGitHub();
    }
  });
}

/**
 * Returns the seconds from the request to the job's end. Throws unless every repository has a pull
 * request.
 */
async function openByProduct(apiUrl: string, jobId: string): Promise<number> {
  const api = new ApiClient(apiUrl);
  const started = Date.now();
  await api.openPullRequests(jobId);
  for (;;) {
    await sleep(POLL_MS);
    const job = await api.getJob(jobId);
    if (!isEnded(job.status)) continue;
    if (job.pullRequests?.open !== REPOSITORIES_PER_JOB)
      throw new Error(
        `Not all of ${REPOSITORIES_PER_JOB} pull requests were opened: ${JSON.stringify(job.pullRequests)}`,
      );
    return (Date.parse(job.completedAt!) - started) / 1000;
  }
}

/** The number of calls, as the GitHub counts them for its limit. */
async function callsSoFar(apiUrl: string): Promise<number> {
  const response = await fetch(`${apiUrl}/rate_limit`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return ((await response.json()) as { rate: { used: number } }).rate.used;
}

function figureOf(product: number[], script: number[], calls: number[]): Figure {
  const perSecond = (seconds: readonly number[]) => seconds.map((one) => 1 / one);
  return {
    title: 'Pull requests',
    method: [
      `${ROUNDS} jobs of ${REPOSITORIES_PER_JOB} repositories (the published files of ${PACKAGE}) with a recorded change of one file each: from \`POST /jobs/{jobId}/pull-requests\` to the job's end, with a credential without pacing, against the local GitHub in a separate process, including its git. Calls are those that it counts for its limit.`,
      "The floor is the official client with the six calls that a script needs (without the look at the base's tree and the default branch), four repositories at once, in the GitHub's process; rounds of both alternate. The difference is those two calls, the state machine, the rows and the record. On the real GitHub, PULL_REQUESTS_PER_HOUR sets the pace.",
    ],
    rows: [
      row('pull requests a second', { name: '/s', digits: 1 }, perSecond(product), {
        floor: perSecond(script),
      }),
      row('API calls a pull request', { name: 'calls', digits: 2 }, calls, { max: FEWEST_CALLS + 0.01 }),
    ],
  };
}
