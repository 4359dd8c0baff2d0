import { afterAll, expect, test } from '@jest/globals';
import { inParallel } from '../../core/in-parallel.ts';
import { HEAD, type PacedGitHub, startPacedGitHub } from '../support/paced-github.ts';
import { Publishing, text } from '../support/publishing.ts';

const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const one of open.reverse()) await one.close();
});

const numbered = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(5, '0')}`);

test("500 pull requests under GitHub's limits are opened without help, none lost and none doubled", async () => {
  const timeScale = 30;
  // A tenth of what github.com allows in a minute, so that the limit is reached repeatedly.
  const limits = { contentPerMinute: 8, pointsPerMinute: 900 };
  const publishing = await Publishing.start({ timeScale, gitHubOptions: { limits, timeScale } });
  open.push(publishing);
  const names = numbered(500, 'limited');
  const shas = new Map<string, string>();
  await inParallel(names, 4, async (name) => {
    shas.set(name, await publishing.addRepository(name, { 'a.txt': `${name}\n` }));
  });
  const jobId = await publishing.record(
    names.map((name) => ({ name, baseSha: shas.get(name)!, files: [text('a.txt', 'changed\n')] })),
  );
  const job = await publishing.publish(jobId, undefined, 600_000);
  expect(job.pullRequests).toEqual({ open: 500, merged: 0, closed: 0, failed: 0 });
  await inParallel(names, 4, async (name) => {
    const pulls = await publishing.pulls(name);
    expect(pulls).toMatchObject([{ number: 1, state: 'open', head: { ref: `cody-batch/${jobId}` } }]);
  });
  // Otherwise the limit was never reached, and the test proves nothing.
  const opens = (path: readonly string[]) => path.filter((state) => state === 'OpenPullRequest').length;
  const paths = await publishing.pathsOf(job.executionArn!);
  expect(paths).toHaveLength(500);
  expect(paths.filter((path) => opens(path) > 1).length).toBeGreaterThan(50);
}, 900_000);

/** The most of these that fall into any window of this length. */
function mostIn(windowMs: number, times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  let [from, most] = [0, 0];
  for (const [to, time] of sorted.entries()) {
    while (sorted[from]! <= time - windowMs) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

test('10,000 pull requests at 500 an hour end by themselves, in no hour more than that', async () => {
  // The clock of the pace runs this many times as fast: twenty hours are three minutes.
  const speed = 400;
  const github: PacedGitHub = await startPacedGitHub();
  open.push(github);
  const publishing = await Publishing.start({
    gitHub: 'remote',
    given: {
      ...{ GITHUB_API_URL: github.apiUrl, GITHUB_WRITE_TOKEN: 'ghp_paced', GITHUB_THROTTLE: 'false' },
      ...{ ALLOWED_REPOSITORIES: 'local/*', MAX_REPOSITORIES: '10000' },
      PULL_REQUESTS_PER_HOUR: String(500 * speed),
      COUNTS_MAX_AGE_SECONDS: '60',
    },
  });
  open.push(publishing);
  const names = numbered(10_000, 'paced');
  const jobId = await publishing.record(
    names.map((name) => ({ name, baseSha: HEAD, files: [text('a.txt', 'changed\n')] })),
  );
  const job = await publishing.publish(jobId, undefined, 1_500_000);
  expect(job.pullRequests).toEqual({ open: 10_000, merged: 0, closed: 0, failed: 0 });
  expect(github.opened.size).toBe(10_000);
  expect([...github.opened.values()].filter((times) => times.length !== 1)).toEqual([]);
  // Four are under way at once, and each may come later than its slot.
  expect(mostIn(3_600_000 / speed, [...github.opened.values()].flat())).toBeLessThanOrEqual(504);
}, 1_800_000);
