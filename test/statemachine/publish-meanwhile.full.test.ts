import { DescribeExecutionCommand, paginateListExecutions, paginateListMapRuns } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import { Fleet, repositoryOfRequest, writeAndSubmit } from '../support/fleet.ts';
import { until } from '../support/until.ts';

/** Answers of the model that the test holds back. Others are given at once. */
const held = new Map<string, PromiseWithResolvers<void>>();
const hold = (name: string) => held.set(name, Promise.withResolvers());
const release = (name: string) => held.get(name)!.resolve();

let fleet: Fleet;
let github: Octokit;

const OF = { open: ['open-1', 'open-2', 'open-3'], failing: ['fail-1', 'fail-2', 'fail-3', 'fail-4'] };
const CANCELLED = ['stop-1', 'stop-2', 'stop-3'];

beforeAll(async () => {
  fleet = await Fleet.start({
    names: [...OF.open, ...OF.failing, ...CANCELLED],
    script: async (request, _number, gone) => {
      const { promise: left, resolve } = Promise.withResolvers<void>();
      gone.addEventListener('abort', () => resolve());
      await Promise.race([held.get(repositoryOfRequest(request))?.promise, left]);
      return writeAndSubmit(request);
    },
  });
  github = new Octokit({ baseUrl: `${fleet.stack.gitHub}/api/v3`, auth: 'any' });
});
afterAll(() => fleet?.close());

/** One at a time, so that the last one does not start while the one before is held. */
const start = (names: readonly string[]) =>
  fleet.post(names, { createPullRequests: true, maxConcurrency: 1 });

async function pulls(name: string) {
  return (await github.rest.pulls.list({ owner: 'local', repo: name, state: 'all' })).data;
}

/** Waits until the repository's pull request is in this state, and returns its row. */
function inState(jobId: string, name: string, state: string) {
  return until(`${name} to be ${state}`, async () => {
    const { [name]: row } = await fleet.rows(jobId);
    return row?.pullRequest?.state === state ? row : undefined;
  });
}

/** The repositories that the Map of this label processed, in all its runs in the job's first execution. */
async function tried(jobId: string, label: string): Promise<string[]> {
  const arns: string[] = [];
  const executionArn = fleet.executionArn(jobId);
  for await (const { mapRuns } of paginateListMapRuns({ client: fleet.sfn }, { executionArn })) {
    for (const { mapRunArn } of mapRuns!.filter(({ mapRunArn }) => mapRunArn!.includes(`/${label}:`))) {
      for await (const { executions } of paginateListExecutions({ client: fleet.sfn }, { mapRunArn }))
        arns.push(...executions!.map((child) => child.executionArn!));
    }
  }
  const children = arns.map((executionArn) => fleet.sfn.send(new DescribeExecutionCommand({ executionArn })));
  return (await Promise.all(children)).map(({ input }) =>
    JSON.parse(input!).repositoryName.replace('local/', ''),
  );
}

test('a pull request is open before the last repository starts', async () => {
  hold('open-2');
  const jobId = await start(OF.open);
  await inState(jobId, 'open-1', 'open');
  expect(await pulls('open-1')).toHaveLength(1);
  const rows = await fleet.rows(jobId);
  expect(rows['open-2']!.status).toBe('processing');
  expect(rows['open-3']!.status).toBe('pending');

  release('open-2');
  const job = await fleet.ended(jobId);
  expect(job).toMatchObject({ status: 'completed', counts: { total: 3, completed: 3 } });
  expect(job.pullRequests).toEqual({ open: 3, merged: 0, closed: 0, failed: 0 });
  for (const name of OF.open) expect(await pulls(name)).toHaveLength(1);
  // No repository was processed by both Maps.
  const both = [
    ...(await tried(jobId, 'OpenPullRequestsMeanwhile')),
    ...(await tried(jobId, 'OpenPullRequests')),
  ];
  expect(both.sort()).toEqual(OF.open);
});

test('a failed pull request delays no other, and is retried after the analysis', async () => {
  const [first, second, third, last] = OF.failing as [string, string, string, string];
  // Made while the model works, so that the check before the analysis does not find it.
  hold(first);
  hold(third);
  hold(last);
  const jobId = await start(OF.failing);
  await until('the first to be worked on', () =>
    fleet.model.requests.some(({ body }) => repositoryOfRequest(body) === first),
  );
  const archive = (archived: boolean) => github.rest.repos.update({ owner: 'local', repo: first, archived });
  await archive(true);
  release(first);
  const { pullRequest } = await inState(jobId, first, 'failed');
  expect(pullRequest!.error!.message).toContain('archived');

  await inState(jobId, second, 'open');
  release(third);
  await inState(jobId, third, 'open');
  expect((await tried(jobId, 'OpenPullRequestsMeanwhile')).sort()).toEqual([first, second, third]);

  await archive(false);
  release(last);
  const job = await fleet.ended(jobId);
  expect(job.pullRequests).toEqual({ open: 4, merged: 0, closed: 0, failed: 0 });
  expect(await tried(jobId, 'OpenPullRequests')).toContain(first);
  for (const name of OF.failing) expect(await pulls(name)).toHaveLength(1);
});

test('a cancelled job keeps its open pull requests, and its retry opens the others', async () => {
  const [first, second] = CANCELLED as [string, string];
  hold(second);
  const jobId = await start(CANCELLED);
  await inState(jobId, first, 'open');
  expect((await fleet.call('POST', `/jobs/${jobId}/cancel`)).json.status).toBe('cancelled');
  const cancelled = await fleet.atRest(jobId);
  expect(cancelled.counts).toMatchObject({ total: 3, completed: 1, cancelled: 2 });
  expect(cancelled.pullRequests).toEqual({ open: 1, merged: 0, closed: 0, failed: 0 });
  expect(await fleet.execution(jobId)).toBe('ABORTED');
  expect(await pulls(second)).toEqual([]);

  release(second);
  expect((await fleet.call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
  const job = await fleet.ended(jobId);
  expect(job).toMatchObject({ status: 'completed', counts: { completed: 3 } });
  expect(job.pullRequests).toEqual({ open: 3, merged: 0, closed: 0, failed: 0 });
  for (const name of CANCELLED) expect(await pulls(name)).toHaveLength(1);
});
