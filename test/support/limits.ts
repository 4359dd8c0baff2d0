import { afterAll, expect, test } from '@jest/globals';
import { inParallel } from '../../core/in-parallel.ts';
import { numbered } from './pace.ts';
import { Publishing, text } from './publishing.ts';

/** A test of this many pull requests at a GitHub that allows one a minute. */
export function testLimits(count: number): void {
  const open: { close(): Promise<void> }[] = [];
  afterAll(async () => {
    for (const one of open.reverse()) await one.close();
  });

  test(`${count} pull requests under GitHub's limits are opened without help, none lost and none doubled`, async () => {
    const timeScale = 30;
    // One a minute, where the product's own pace is one in 9 s.
    const limits = { contentPerMinute: 1, pointsPerMinute: 900 };
    const publishing = await Publishing.start({ timeScale, gitHubOptions: { limits, timeScale } });
    open.push(publishing);
    const names = numbered(count, 'limited');
    const shas = new Map<string, string>();
    await inParallel(names, 4, async (name) => {
      shas.set(name, await publishing.addRepository(name, { 'a.txt': `${name}\n` }));
    });
    const jobId = await publishing.record(
      names.map((name) => ({ name, baseSha: shas.get(name)!, files: [text('a.txt', 'changed\n')] })),
    );
    const job = await publishing.publish(jobId, undefined);
    expect(job.pullRequests).toEqual({ open: count, merged: 0, closed: 0, failed: 0 });
    await inParallel(names, 4, async (name) => {
      const pulls = await publishing.pulls(name);
      expect(pulls).toMatchObject([{ number: 1, state: 'open', head: { ref: `cody-batch/${jobId}` } }]);
    });
    // The slot after each one that opened comes 9 s later, when the minute still has 51 s to go: GitHub refuses it, and all
    // wait until the minute is over. So each but the first follows a refusal. Two openings that take more than a
    // minute of GitHub's (2 s) on a slow machine have no refusal between them: half of them may. The four that are under way
    // at once can be refused once each before they wait.
    const opens = (path: readonly string[]) => path.filter((state) => state === 'OpenPullRequest').length;
    const paths = await publishing.pathsOf(job.executionArn!);
    expect(paths).toHaveLength(count);
    const refusals = paths.reduce((sum, path) => sum + opens(path) - 1, 0);
    expect(refusals).toBeGreaterThanOrEqual(count / 2);
    expect(refusals).toBeLessThanOrEqual(4 * count);
  });
}
