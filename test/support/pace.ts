import { afterAll, expect, test } from '@jest/globals';
import { HEAD, type PacedGitHub, startPacedGitHub } from './paced-github.ts';
import { Publishing, text } from './publishing.ts';

export const numbered = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(5, '0')}`);

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

/**
 * A test of a job with this many pull requests at this hourly rate, against a GitHub that only counts them. The pace's clock
 * runs `speed` times as fast. More are asked for than an hour allows, so that a pace that is not kept breaks the bound; for
 * that, the machine must be able to open them faster than `perHour * speed / 3600` a second.
 */
export function testPace(count: number, perHour: number, speed: number): void {
  const open: { close(): Promise<void> }[] = [];
  afterAll(async () => {
    for (const one of open.reverse()) await one.close();
  });

  test(`${count.toLocaleString('en')} pull requests at ${perHour} an hour end by themselves, in no hour more than that`, async () => {
    const github: PacedGitHub = await startPacedGitHub();
    open.push(github);
    const publishing = await Publishing.start({
      gitHub: 'remote',
      given: {
        ...{ GITHUB_API_URL: github.apiUrl, GITHUB_WRITE_TOKEN: 'ghp_paced', GITHUB_THROTTLE: 'false' },
        ...{ ALLOWED_REPOSITORIES: 'local/*', MAX_REPOSITORIES: String(count) },
        PULL_REQUESTS_PER_HOUR: String(perHour * speed),
        COUNTS_MAX_AGE_SECONDS: '60',
      },
    });
    open.push(publishing);
    const names = numbered(count, 'paced');
    const jobId = await publishing.record(
      names.map((name) => ({ name, baseSha: HEAD, files: [text('a.txt', 'changed\n')] })),
    );
    const job = await publishing.publish(jobId, undefined, 1_500_000);
    expect(job.pullRequests).toEqual({ open: count, merged: 0, closed: 0, failed: 0 });
    expect(github.opened.size).toBe(count);
    expect([...github.opened.values()].filter((times) => times.length !== 1)).toEqual([]);
    // Four are under way at once, and each may come later than its slot, or up to a second before it.
    const inASecond = Math.ceil((perHour * speed) / 3600);
    expect(mostIn(3_600_000 / speed, [...github.opened.values()].flat())).toBeLessThanOrEqual(
      perHour + 4 + inASecond,
    );
  }, 1_800_000);
}
