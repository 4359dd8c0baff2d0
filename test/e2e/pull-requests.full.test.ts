import { afterAll, expect, test } from '@jest/globals';
import { inParallel } from '../../core/in-parallel.ts';
import { numbered, testPace } from '../support/pace.ts';
import { Publishing, text } from '../support/publishing.ts';

const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const one of open.reverse()) await one.close();
});

test("120 pull requests under GitHub's limits are opened without help, none lost and none doubled", async () => {
  const timeScale = 30;
  // A twentieth of what github.com allows in a minute, so that slow machines reach the limit too.
  const limits = { contentPerMinute: 4, pointsPerMinute: 900 };
  const publishing = await Publishing.start({ timeScale, gitHubOptions: { limits, timeScale } });
  open.push(publishing);
  const names = numbered(120, 'limited');
  const shas = new Map<string, string>();
  await inParallel(names, 4, async (name) => {
    shas.set(name, await publishing.addRepository(name, { 'a.txt': `${name}\n` }));
  });
  const jobId = await publishing.record(
    names.map((name) => ({ name, baseSha: shas.get(name)!, files: [text('a.txt', 'changed\n')] })),
  );
  const job = await publishing.publish(jobId, undefined, 600_000);
  expect(job.pullRequests).toEqual({ open: 120, merged: 0, closed: 0, failed: 0 });
  await inParallel(names, 4, async (name) => {
    const pulls = await publishing.pulls(name);
    expect(pulls).toMatchObject([{ number: 1, state: 'open', head: { ref: `cody-batch/${jobId}` } }]);
  });
  // Otherwise the limit was never reached, and the test proves nothing.
  const opens = (path: readonly string[]) => path.filter((state) => state === 'OpenPullRequest').length;
  const paths = await publishing.pathsOf(job.executionArn!);
  expect(paths).toHaveLength(120);
  expect(paths.filter((path) => opens(path) > 1).length).toBeGreaterThan(0);
}, 900_000);

// Four hours of GitHub's pace; the campaign takes twenty.
testPace(2_000);
