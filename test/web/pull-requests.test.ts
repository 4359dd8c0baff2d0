import { expect, test } from '@jest/globals';
import { countsOf } from '../../core/job.ts';
import type { PullRequestDay } from '../../core/pull-request-day.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import { listenOnLoopback } from '../../local/access/loopback.ts';
import { plotOf } from '../../web/src/pages/job/pulls/burn-down.ts';
import {
  OPERATIONS,
  type Operation,
  reviewersOf,
  splitFor,
} from '../../web/src/pages/job/pulls/operations.ts';
import { redGroups } from '../../web/src/pages/job/pulls/red-checks.ts';
import { selectRows } from '../../web/src/pages/job/rows.ts';

const row = (repositoryName: string, more: Partial<SummaryRow> = {}): SummaryRow => ({
  ...{ repositoryName, status: 'completed', outcome: 'changed', run: 1, patchSha: 'a'.repeat(64) },
  ...more,
});
const ROWS = [
  row('a/none'),
  row('a/green', { prState: 'open', checks: 'passing', review: 'approve' }),
  row('a/red', { prState: 'open', checks: 'failing' }),
  row('a/busy', { prState: 'open', status: 'processing' }),
  row('a/rejected', { prState: 'open', review: 'reject' }),
  row('a/older', { prState: 'open', run: 3 }),
  row('a/merged', { prState: 'merged' }),
  row('a/failed', { prState: 'failed' }),
  row('a/unchanged', { outcome: 'unchanged' }),
];
const PULLS = new Map(
  ROWS.flatMap(({ repositoryName, prState }) =>
    prState ? [[repositoryName, { repositoryName, state: prState, run: 1 }] as const] : [],
  ),
);

test('an operation takes what the API would take, and says why not the others', () => {
  const taken = (operation: Operation, job = {}) =>
    splitFor(operation, ROWS, job, PULLS).taken.map((name) => name.slice(2));
  expect(taken('open')).toEqual(['none', 'older', 'failed']);
  expect(taken('rebase')).toEqual(['green', 'red', 'older']);
  expect(taken('merge')).toEqual(['green', 'older']);
  expect(taken('merge', { review: 'required' })).toEqual(['green']);
  for (const operation of ['close', 'comment', 'requestReviews'] as const)
    expect(taken(operation)).toEqual(['green', 'red', 'rejected', 'older']);
  for (const operation of Object.keys(OPERATIONS) as Operation[]) {
    const { taken: some, leftOut } = splitFor(operation, ROWS, {}, PULLS);
    expect(some.length + leftOut.length).toBe(ROWS.length);
  }
  const { leftOut } = splitFor('merge', ROWS, { review: 'required' }, PULLS);
  expect(Object.fromEntries(leftOut.map(({ repositoryName, reason }) => [repositoryName, reason]))).toEqual({
    'a/none': 'it has no pull request',
    'a/red': 'its change is not approved',
    'a/busy': 'it is being revised',
    'a/rejected': 'its change was rejected',
    'a/older': 'its change is not approved',
    'a/merged': 'its pull request is merged',
    'a/failed': 'its pull request is failed',
    'a/unchanged': 'it has no pull request',
  });
  expect(reviewersOf(' @ada, acme/team ada\nbob')).toEqual(['ada', 'acme/team', 'bob']);
});

test('pull requests are found by state and checks', () => {
  const found = (pull: 'red' | 'green' | 'unfinished' | 'none' | 'open') =>
    selectRows(ROWS, { pull }).map(({ repositoryName }) => repositoryName.slice(2));
  expect(found('red')).toEqual(['red']);
  expect(found('green')).toEqual(['green']);
  expect(found('unfinished')).toEqual([]);
  expect(found('none')).toEqual(['none', 'unchanged']);
  expect(found('open')).toHaveLength(5);
});

test('pull requests are grouped by the checks that fail in them, the largest group first', () => {
  const red = ['a/1', 'a/2', 'a/3', 'a/4'].map((name) => row(name, { prState: 'open', checks: 'failing' }));
  const failing = [['build'], ['build', 'lint'], ['build'], undefined];
  const pulls = new Map(
    red.map(({ repositoryName }, i) => [
      repositoryName,
      { repositoryName, state: 'open' as const, ...(failing[i] && { failing: failing[i] }) },
    ]),
  );
  const groups = redGroups([...red, row('a/5', { prState: 'merged', checks: 'failing' })], pulls);
  expect(groups.map(({ checks, names }) => [checks, names])).toEqual([
    [['build'], ['a/1', 'a/3']],
    [['build', 'lint'], ['a/2']],
    [[], ['a/4']],
  ]);
});

test('the plot of a job’s pull requests adds up on each day, and one day does not fill it', () => {
  const day = (date: string, more: Partial<PullRequestDay>): PullRequestDay => ({
    ...{ day: date, open: 0, green: 0, red: 0, pending: 0, merged: 0, closed: 0, failed: 0 },
    ...more,
  });
  const { parts, width, most } = plotOf([
    day('2026-01-01', { open: 4, green: 1, red: 1, pending: 1 }),
    day('2026-01-02', { open: 1, green: 1, merged: 6, closed: 1, failed: 9 }),
  ]);
  expect([width, most]).toEqual([10, 8]);
  const heightOf = (wanted: string) =>
    parts.filter((part) => part.day === wanted).reduce((sum, { height }) => sum + height, 0);
  expect([heightOf('2026-01-01'), heightOf('2026-01-02')]).toEqual([0.5, 1]);
  expect(parts.find(({ label }) => label === 'merged')).toMatchObject({ x: 9, y: 0.25, height: 0.75 });
  expect(Math.min(...parts.map(({ y }) => y))).toBe(0);
  expect(plotOf([])).toEqual({ parts: [], width: 10, most: 0 });
});

/** By a name that the compiler does not follow, because these files need the types of a browser. */
const QUERIES = '../../web/src/api/queries.ts';

test('all pull requests of a large job are read, a page after the other', async () => {
  const asked: (string | undefined)[] = [];
  const api = await listenOnLoopback(
    (request, response) => {
      asked.push(request.url);
      const isFirst = !request.url!.includes('cursor=');
      const pullRequests = [{ repositoryName: isFirst ? 'a/first' : 'a/last', state: 'open' }];
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jobId: 'job', pullRequests, ...(isFirst && { cursor: 'a/first' }) }));
    },
    { name: 'api', access: 'anyone' },
  );
  const { fetch } = globalThis;
  // A browser adds the origin of the page to an address.
  globalThis.fetch = (address, init) => fetch(new URL(String(address), api.url), init);
  try {
    const { jobPullRequestsQuery } = await import(QUERIES);
    const counts = countsOf({ processing: 10_000 });
    const query = jobPullRequestsQuery({ jobId: 'job', status: 'processing', counts });
    expect(query.refetchInterval()).toBe(60_000);
    const { pullRequests } = await query.queryFn({ signal: new AbortController().signal });
    expect(pullRequests).toMatchObject([{ repositoryName: 'a/first' }, { repositoryName: 'a/last' }]);
    expect(asked).toHaveLength(2);
  } finally {
    globalThis.fetch = fetch;
    await api.close();
  }
});
