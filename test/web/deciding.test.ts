import { expect, test } from '@jest/globals';
import { JobRequest } from '../../core/job.ts';
import type { JobPage } from '../../web/src/api/types.ts';
import { forecast } from '../../web/src/pages/job/forecast.ts';
import type { Row } from '../../web/src/pages/job/rows.ts';
import { EMPTY_DRAFT, othersOf, requestOf } from '../../web/src/pages/new-job/draft.ts';
import { draftOf } from '../../web/src/pages/new-job/draft-of-job.ts';
import { decisionsOf, inverseOf, withDecisions } from '../../web/src/pages/review/decisions.ts';

const row = (repositoryName: string, review?: 'approve' | 'reject'): Row => ({
  ...{ repositoryName, status: 'completed', outcome: 'changed', patchSha: 'a'.repeat(64) },
  ...(review && { review }),
});
const said = (all: ReturnType<typeof inverseOf>) =>
  all.map(({ decision, rows, shape }) => [decision, shape, rows.map(({ repositoryName }) => repositoryName)]);

test('a decision that is taken back leaves each change with the one that it had', () => {
  const same = {
    decision: 'reject',
    shape: 's',
    rows: [row('a/1', 'approve'), row('a/2', 'approve')],
  } as const;
  expect(said(inverseOf(same))).toEqual([['approve', 's', ['a/1', 'a/2']]]);
  const mixed = {
    decision: 'approve',
    shape: 's',
    rows: [row('a/1', 'reject'), row('a/2'), row('a/3', 'approve')],
  } as const;
  expect(said(inverseOf(mixed))).toEqual([
    ['undecided', 's', ['a/1', 'a/2', 'a/3']],
    ['reject', undefined, ['a/1']],
    ['approve', undefined, ['a/3']],
  ]);
  expect(said(inverseOf({ decision: 'reject', rows: [row('a/1', 'approve')] }))).toEqual([
    ['approve', undefined, ['a/1']],
  ]);
});

test('the next key of a review is about the next change, also before the API has answered', () => {
  const rows = {
    ...{ jobId: 'job', run: 1 },
    columns: { repositoryName: ['a/1', 'a/2', 'a/3'], review: [null, 'reject' as const, null] },
  };
  const decided = withDecisions(rows, [
    { decision: 'approve', rows: [row('a/1')] },
    { decision: 'undecided', rows: [row('a/2')] },
  ]);
  expect(decided.columns.review).toEqual(['approve', null, null]);
  // A request takes 1,000 names.
  const many = Array.from({ length: 2001 }, (_, i) => row(`a/${i}`));
  expect(decisionsOf('approve', many).map((one) => one.rows.length)).toEqual([1000, 1000, 1]);
});

test('a running job is expected to cost what its ended repositories have cost, and never more than its cap', () => {
  const job = {
    ...{ status: 'processing', startedAt: '2026-01-01T00:00:00.000Z', maxCostUsd: 50 },
    spending: { settledUsd: 0.4, reservedUsd: 1 },
    counts: { total: 100, pending: 70, processing: 26, completed: 3, failed: 1, cancelled: 0 },
  } as unknown as JobPage;
  const ended = [1, 2, 3, 4].map((i) => ({ ...row(`a/${i}`), costUsd: 0.1, completedAt: 'then' }));
  const rows = [...ended, { ...row('a/5'), status: 'processing' as const, costUsd: 9 }];
  const now = Date.parse('2026-01-01T00:01:00.000Z');
  expect(forecast(job, rows, now)).toEqual({ ms: 24 * 60_000, costUsd: expect.closeTo(10) });
  expect(forecast({ ...job, maxCostUsd: 5 }, rows, now)?.costUsd).toBe(5);
  expect(forecast(job, [], now)?.costUsd).toBeUndefined();
  expect(forecast({ ...job, status: 'completed' }, rows, now)).toBeUndefined();
});

test('a job that is asked for again loses nothing of its request, though the form has no field for all of it', () => {
  const request = JobRequest.parse({
    ...{
      name: 'Rename',
      type: 'custom',
      description: 'Why.',
      prompt: 'Replace it.',
      repositories: ['a/*', '!a/b'],
    },
    ...{
      maxRepositories: 7,
      maxConcurrency: 3,
      maxCostUsd: 9,
      createPullRequests: false,
      review: 'required',
    },
    settings: {
      ...{ model: 'm', maxTurns: 4, maxCostUsd: 1, maxMinutes: 5, image: 'jdk' },
      ...{ setup: ['npm ci'], verify: ['npm test', 'npm run lint'], include: ['src/**'], exclude: ['*.md'] },
      ...{ shell: true, maxPatchKiB: 8, maxFiles: 2, allowProtected: ['.github/**'], effort: 'high' },
      ...{ baseBranch: 'next', fetchTags: true, verifyBaseline: false, judge: { model: 'j' } },
    },
    pullRequest: {
      ...{ title: 'T', branch: 'b/{job}', draft: true, labels: ['x', 'y z'], reviewers: ['ada', 'org/team'] },
      ...{ perHour: 5, signOff: true, template: false, repair: { rounds: 2 } },
    },
  });
  const job = { ...request, jobId: 'job', status: 'completed' } as unknown as JobPage;
  expect(requestOf(draftOf(job), undefined)).toEqual(request);
});

test('further fields that are not JSON are found before a job is started with half of them', () => {
  expect(othersOf('')).toEqual({});
  expect(othersOf('{"settings":{"shell":true}}')).toEqual({ settings: { shell: true } });
  for (const text of ['{', '[]', '7', 'null']) expect([text, othersOf(text)]).toEqual([text, undefined]);
  const draft = { ...EMPTY_DRAFT, maxTurns: '9', others: '{"settings":{"maxTurns":1,"shell":true}}' };
  expect(requestOf(draft, 2)).toMatchObject({ sample: 2, settings: { maxTurns: 9, shell: true } });
});
