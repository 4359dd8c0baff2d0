import { DescribeExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Publishing, type Recorded, text } from '../support/publishing.ts';
import { until } from '../support/until.ts';

/** How much faster waits, and GitHub's minutes, pass. */
const TIME_SCALE = 60;

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start({
    timeScale: TIME_SCALE,
    // The limit on content creation, such as pull requests.
    gitHubOptions: { limits: { contentPerMinute: 2 }, timeScale: TIME_SCALE },
  });
});
afterAll(() => publishing?.close());

async function changed(names: readonly string[]): Promise<Recorded[]> {
  const make = async (name: string) => {
    const baseSha = await publishing.addRepository(name, { 'a.txt': 'a\n' });
    return { name, baseSha, files: [text('a.txt', 'b\n')] };
  };
  return Promise.all(names.map(make));
}

test("a rate-limited repository waits in the state machine until GitHub's time, and then opens its pull request", async () => {
  const names = ['limited-1', 'limited-2', 'limited-3'];
  const jobId = await publishing.record(await changed(names));
  const job = await publishing.publish(jobId);
  expect(job.pullRequests).toEqual({ open: 3, merged: 0, closed: 0, failed: 0 });
  for (const name of names) expect(await publishing.pulls(name)).toHaveLength(1);

  const paths = await publishing.pathsOf(job.executionArn!);
  expect(paths).toHaveLength(3);
  const straight = [
    'ReserveSlot',
    'WaitForSlot',
    'HasSlot',
    'OpenPullRequest',
    'IsOpen',
    'PullRequestRecorded',
  ];
  const limited = paths.filter((path) => path.length > straight.length);
  expect(limited.length).toBeGreaterThan(0);
  const round = [...straight.slice(0, -1), 'WaitForSlot', 'HasSlot', ...straight.slice(0, 5)];
  for (const path of limited) expect(path.slice(0, round.length)).toEqual(round);
});

test("a job's perHour delays no other job of the same credential", async () => {
  const slow = await publishing.record(await changed(['slow-1', 'slow-2']), {
    pullRequest: { perHour: 1 },
  });
  const quick = await publishing.record(await changed(['quick']));
  const { json } = await publishing.call('POST', `/jobs/${slow}/pull-requests`);
  await until('the first slot of the slow job', async () => {
    const rows = await Promise.all([1, 2].map((n) => publishing.row(slow, `slow-${n}`)));
    return rows.some(({ pullRequest }) => pullRequest?.state === 'open');
  });
  expect((await publishing.publish(quick)).pullRequests).toMatchObject({ open: 1 });

  const running = await publishing.call('GET', `/jobs/${slow}`);
  expect(running.json).toMatchObject({ status: 'processing', run: 2 });
  const open = running.json.results.filter(({ pullRequest }) => pullRequest);
  expect(open).toHaveLength(1);
  // The rows show why and until when the others wait: an hour after the first, and more.
  expect(open[0]).not.toHaveProperty('waiting');
  const waiting = running.json.results.filter(({ phase }) => phase === 'waitingForSlot');
  expect(waiting.length).toBeGreaterThan(0);
  for (const row of waiting)
    expect(Date.parse(row.waiting!.until)).toBeGreaterThan(Date.parse(row.updatedAt));
  await publishing.call('POST', `/jobs/${slow}/cancel`);
  const { status } = await publishing.sfn.send(
    new DescribeExecutionCommand({ executionArn: json.executionArn ?? running.json.executionArn! }),
  );
  expect(status).toBe('ABORTED');
  expect((await publishing.row(slow, 'slow-1')).status).toBe('completed');
});
