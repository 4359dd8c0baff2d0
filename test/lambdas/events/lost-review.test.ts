import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { countsOf, type JobRow, newJobId } from '../../../core/job.ts';
import { digestOfChanges } from '../../../core/review.ts';
import { reconcile } from '../../../lambdas/events/reconcile.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { keepLog } from '../../support/keep-log.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';

keepLog();

let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;
beforeAll(async () => {
  [tables, artifacts] = await Promise.all([openTestTables(), openTestArtifacts()]);
});
afterAll(async () => {
  await tables?.close();
  await artifacts?.close();
});

const NAME = 'acme/a';
const patchSha = 'a'.repeat(64);
const MINUTE_MS = 60_000;
const later = (minutes: number) => new Date(Date.parse(AT) + minutes * MINUTE_MS).toISOString();

/** A job with one change and a decision about it, whose request was lost before the job's status followed from it. */
async function lostReview(job: Partial<JobRow>, decision: 'approve' | 'undecided'): Promise<string> {
  const jobId = newJobId();
  await tables.jobs.create(jobRow({ jobId, review: 'required', counts: countsOf({ completed: 1 }), ...job }));
  await tables.rows.createPending(jobId, [NAME], AT);
  const end = { status: 'completed', outcome: 'changed', patchSha, completedAt: AT } as const;
  await tables.rows.endUnfinished(jobId, NAME, 1, end);
  await tables.jobs.beginReview(jobId, { since: AT, mark: 'lost' });
  const seen = digestOfChanges([{ repositoryName: NAME, patchSha }]);
  const review = { repositoryName: NAME, patchSha, seen, covers: 1, decision, decidedAt: AT };
  await tables.reviews.put(jobId, review, undefined);
  return jobId;
}

const reconcileAt = (now: string) =>
  reconcile(
    {},
    {
      settings: {
        ...tables.settings,
        STATE_MACHINE_ARN: 'arn:aws:states:us-east-1:000000000000:stateMachine:x',
      },
      ...tables.stores,
      artifacts: artifacts.store,
      now: () => now,
    },
  );

test.each([
  ['ends its wait', { status: 'waiting', waitingFor: 'review' }, 'approve', { status: 'completed' }],
  ['lets it wait again', { status: 'completed' }, 'undecided', { status: 'waiting', waitingFor: 'review' }],
] as const)(
  'a job follows a decision whose request was lost: the reconciler %s',
  async (_, job, decision, after) => {
    const jobId = await lostReview(job, decision);
    // A request that is still at work settles its own decision.
    await reconcileAt(later(1));
    expect(await tables.jobs.get(jobId)).toMatchObject({ ...job, reviewing: { mark: 'lost' } });
    await reconcileAt(later(3));
    const settled = await tables.jobs.get(jobId);
    expect(settled).toMatchObject(after);
    expect(settled.reviewing).toBeUndefined();
  },
);

test('a later request keeps its mark if an earlier one ends', async () => {
  const jobId = await lostReview({ status: 'waiting', waitingFor: 'review' }, 'approve');
  await tables.jobs.beginReview(jobId, { since: AT, mark: 'later' });
  await tables.jobs.endReview(jobId, 'lost');
  expect((await tables.jobs.get(jobId)).reviewing).toEqual({ since: AT, mark: 'later' });
});
