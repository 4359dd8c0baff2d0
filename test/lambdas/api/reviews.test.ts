import { createHash } from 'node:crypto';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf, type JobRow } from '../../../core/job.ts';
import { digestOfChanges } from '../../../core/review.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import { ReviewTable } from '../../../core/store/review-table.ts';
import { getRepositoryResult } from '../../../lambdas/api/get-repository-result.ts';
import { getRows } from '../../../lambdas/api/get-rows.ts';
import { listReviews } from '../../../lambdas/api/list-reviews.ts';
import { problemResponse } from '../../../lambdas/api/problem.ts';
import { reviewChanges } from '../../../lambdas/api/review-changes.ts';
import { type Route, toResponse } from '../../../lambdas/api/route.ts';
import { AT, jobRow } from '../../support/job-row.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;

beforeAll(async () => {
  [tables, artifacts] = await Promise.all([openTestTables(), openTestArtifacts()]);
});
afterAll(async () => {
  await tables?.close();
  await artifacts?.close();
});

const SHAPE_A = `1:${'a'.repeat(32)}`;
const SHAPE_B = `1:${'b'.repeat(32)}`;
const patchOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** Ends a repository with a change whose patch is made of `text`. */
async function change(jobId: string, repositoryName: string, shape: string, text: string, run = 1) {
  await tables.rows.endUnfinished(jobId, repositoryName, run, {
    status: 'completed',
    outcome: 'changed',
    shape,
    patchSha: patchOf(text),
    completedAt: AT,
  });
}

async function setAttribute(jobId: string, repositoryName: string, name: string, value: string) {
  await tables.client.send(
    new UpdateCommand({
      TableName: tables.settings.repositoriesTable,
      Key: { jobId, repositoryName },
      UpdateExpression: 'SET #name = :value',
      ExpressionAttributeNames: { '#name': name },
      ExpressionAttributeValues: { ':value': value },
    }),
  );
}

/** Two changes of shape A, one of shape B, and a repository without a change. */
async function reviewedJob(policy: Partial<JobRow> = {}) {
  const names = ['acme/a1', 'acme/a2', 'acme/b', 'acme/unchanged'];
  const job = jobRow({ counts: countsOf({ pending: names.length }), status: 'completed', ...policy });
  const { jobId } = job;
  await tables.jobs.create(job);
  await tables.rows.createPending(jobId, names, AT);
  await change(jobId, 'acme/a1', SHAPE_A, 'a1');
  await change(jobId, 'acme/a2', SHAPE_A, 'a2');
  await change(jobId, 'acme/b', SHAPE_B, 'b');
  await tables.rows.endUnfinished(jobId, 'acme/unchanged', 1, {
    status: 'completed',
    outcome: 'unchanged',
    completedAt: AT,
  });
  return jobId;
}

const seenOf = (...names: string[]) =>
  digestOfChanges(
    names.map((name) => ({ repositoryName: name, patchSha: patchOf(name.replace('acme/', '')) })),
  );

/** The time of the next request. */
let at = AT;

async function call(
  route: Route,
  params: Record<string, string>,
  body?: unknown,
  other: Partial<typeof tables.stores> = {},
  queryStringParameters: Record<string, string> = {},
) {
  const event = {
    queryStringParameters,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    requestContext: { authorizer: { jwt: { claims: { sub: 'lead' } } } },
  } as unknown as APIGatewayProxyEventV2;
  const context = {
    settings: tables.settings,
    ...tables.stores,
    ...other,
    artifacts: artifacts.store,
    now: () => at,
  };
  const response = await route
    .answer(event, params, context)
    .then((output) => toResponse(output, {}, route), problemResponse);
  return { status: response.statusCode, body: JSON.parse(response.body!) };
}

/** The review column of the rows, by repository. */
async function reviewsOf(jobId: string): Promise<Record<string, unknown>> {
  const { body } = await call(getRows, { jobId });
  const { repositoryName, review = [] } = body.columns;
  return Object.fromEntries(repositoryName.map((name: string, i: number) => [name, review[i] ?? null]));
}

const UNDECIDED = { 'acme/a1': null, 'acme/a2': null, 'acme/b': null, 'acme/unchanged': null };

test('one write approves every change of a shape, and records who, when and what was seen', async () => {
  const jobId = await reviewedJob();
  expect(await reviewsOf(jobId)).toEqual(UNDECIDED);

  const seen = seenOf('acme/a1', 'acme/a2');
  const request = { decision: 'approve', shape: SHAPE_A, seen, note: 'as in the guide' };
  const answer = await call(reviewChanges, { jobId }, request);
  const review = {
    ...request,
    covers: 2,
    decidedBy: 'lead',
    decidedAt: AT,
  };
  expect(answer).toEqual({ status: 200, body: { reviews: [review] } });
  expect(await reviewsOf(jobId)).toEqual({ ...UNDECIDED, 'acme/a1': 'approve', 'acme/a2': 'approve' });
  expect((await call(listReviews, { jobId })).body).toEqual({ jobId, reviews: [review] });
  const one = await call(getRepositoryResult, { jobId, owner: 'acme', name: 'a1' });
  expect(one.body.review).toEqual(review);
  expect(await tables.rows.get(jobId, 'acme/a1')).toMatchObject({ status: 'completed' });
});

test('the decisions of a job are listed in pages, each once', async () => {
  const jobId = await reviewedJob();
  const decide = (body: object) => call(reviewChanges, { jobId }, body);
  await decide({ decision: 'approve', shape: SHAPE_A, seen: seenOf('acme/a1', 'acme/a2') });
  await decide({ decision: 'reject', repositories: ['acme/a1', 'acme/a2', 'acme/b'] });
  const list = (query: Record<string, string>) => call(listReviews, { jobId }, undefined, {}, query);
  const all = (await list({})).body;
  expect(all.cursor).toBeUndefined();
  for (const limit of [1, 2, 3, 4]) {
    const paged: unknown[] = [];
    let cursor: string | undefined;
    do {
      const { status, body } = await list({ limit: String(limit), ...(cursor && { cursor }) });
      expect([status, body.reviews.length <= limit]).toEqual([200, true]);
      paged.push(...body.reviews);
      cursor = body.cursor;
    } while (cursor);
    expect(paged).toEqual(all.reviews);
  }
  expect(
    all.reviews.map(
      (review: { repositoryName?: string; shape?: string }) => review.repositoryName ?? review.shape,
    ),
  ).toEqual([...['acme/a1', 'acme/a2', 'acme/b'], SHAPE_A]);
  const base64 = (text: string) => Buffer.from(text).toString('base64url');
  for (const cursor of [
    ...['', 'x', '"', '\0', base64('acme/a1'), base64('#review#'), base64('#review#other#x')],
    ...[base64(`#review#shape#${'x'.repeat(2000)}`), `${base64('#review#shape#1')}=`],
  ])
    expect([cursor, (await list({ cursor })).status]).toEqual([cursor, 400]);
  expect((await list({ cursor: base64('#review#shape#\0') })).status).toBe(200);
  for (const limit of ['0', '501', '-1', 'x']) expect((await list({ limit })).status).toBe(400);
});

test("a repository's own decision beats its shape's, and undecided takes it out", async () => {
  const jobId = await reviewedJob();
  const seen = seenOf('acme/a1', 'acme/a2');
  await call(reviewChanges, { jobId }, { decision: 'approve', shape: SHAPE_A, seen });
  const reject = { decision: 'reject', repositories: ['ACME/A1', 'acme/b'] };
  expect(await call(reviewChanges, { jobId }, reject)).toMatchObject({ status: 200 });
  expect(await reviewsOf(jobId)).toEqual({
    ...UNDECIDED,
    'acme/a1': 'reject',
    'acme/a2': 'approve',
    'acme/b': 'reject',
  });
  await call(reviewChanges, { jobId }, { decision: 'undecided', repositories: ['acme/a1'] });
  expect(await reviewsOf(jobId)).toEqual({ ...UNDECIDED, 'acme/a2': 'approve', 'acme/b': 'reject' });
  await call(reviewChanges, { jobId }, { decision: 'undecided', shape: SHAPE_A });
  expect(await reviewsOf(jobId)).toEqual({ ...UNDECIDED, 'acme/b': 'reject' });
});

test('an approval covers no other patch, and no change that joins the shape later', async () => {
  const jobId = await reviewedJob();
  const seen = seenOf('acme/a1', 'acme/a2');
  await call(reviewChanges, { jobId }, { decision: 'approve', shape: SHAPE_A, seen });
  // A later run gives a1 another patch, and makes b's change one of this shape.
  await setAttribute(jobId, 'acme/a1', 'patchSha', patchOf('new'));
  await setAttribute(jobId, 'acme/b', 'shape', SHAPE_A);
  expect(await reviewsOf(jobId)).toEqual({ ...UNDECIDED, 'acme/a2': 'approve' });

  const outdated = await call(reviewChanges, { jobId }, { decision: 'approve', shape: SHAPE_A, seen });
  expect(outdated).toMatchObject({
    status: 409,
    body: { type: 'urn:cody-batch:problem:review-is-outdated', errors: [{ field: 'seen', received: seen }] },
  });
  expect(await reviewsOf(jobId)).toEqual({ ...UNDECIDED, 'acme/a2': 'approve' });
});

test("a repository's own decision falls with its patch, and its shape's counts again", async () => {
  const jobId = await reviewedJob();
  const own = { decision: 'approve', repositories: ['acme/b'], seen: seenOf('acme/b') };
  await call(reviewChanges, { jobId }, own);
  expect(await reviewsOf(jobId)).toEqual({ ...UNDECIDED, 'acme/b': 'approve' });
  await setAttribute(jobId, 'acme/b', 'patchSha', patchOf('new'));
  expect(await reviewsOf(jobId)).toEqual(UNDECIDED);
  await call(reviewChanges, { jobId }, { decision: 'reject', shape: SHAPE_B });
  expect(await reviewsOf(jobId)).toEqual({ ...UNDECIDED, 'acme/b': 'reject' });
});

test('a decision that was taken back hides no later decision about the shape', async () => {
  const jobId = await reviewedJob();
  const decide = (body: object) => call(reviewChanges, { jobId }, body);
  await decide({ decision: 'undecided', repositories: ['acme/a1'] });
  try {
    at = '2026-11-23T00:00:00.000Z';
    await decide({ decision: 'approve', shape: SHAPE_A, seen: seenOf('acme/a1', 'acme/a2') });
  } finally {
    at = AT;
  }
  expect(await reviewsOf(jobId)).toEqual({ ...UNDECIDED, 'acme/a1': 'approve', 'acme/a2': 'approve' });
});

test('a decision about a shape does not count the changes that have a decision of their own', async () => {
  const jobId = await reviewedJob();
  await call(reviewChanges, { jobId }, { decision: 'reject', repositories: ['acme/a1'] });
  const seen = seenOf('acme/a1', 'acme/a2');
  const approval = { decision: 'approve', shape: SHAPE_A, seen };
  expect(await call(reviewChanges, { jobId }, approval)).toMatchObject({
    body: { reviews: [{ covers: 1 }] },
  });
  await call(reviewChanges, { jobId }, { decision: 'undecided', repositories: ['acme/a1'] });
  expect(await call(reviewChanges, { jobId }, approval)).toMatchObject({
    body: { reviews: [{ covers: 2 }] },
  });
});

test('a job that requires reviews is marked until its status follows from the decision', async () => {
  const jobId = await reviewedJob({ review: 'required', status: 'waiting', waitingFor: 'review' });
  const reject = { decision: 'reject', shape: SHAPE_A };
  const lost = new ReviewTable(tables.client, { repositoriesTable: 'absent' });
  expect(
    (
      await call(
        reviewChanges,
        { jobId },
        { decision: 'reject', repositories: ['acme/b'] },
        { reviews: lost },
      )
    ).status,
  ).toBe(500);
  expect((await tables.jobs.get(jobId)).reviewing).toMatchObject({ since: AT });
  await call(reviewChanges, { jobId }, reject);
  const waiting = await tables.jobs.get(jobId);
  expect(waiting).toMatchObject({ status: 'waiting', waitingFor: 'review' });
  expect(waiting.reviewing).toBeUndefined();
  await call(reviewChanges, { jobId }, { decision: 'reject', shape: SHAPE_B });
  expect(await tables.jobs.get(jobId)).toMatchObject({ status: 'completed' });
});

test('if the list of a decision is lost, an approval covers nothing, and a rejection all of its shape', async () => {
  const jobId = await reviewedJob();
  const seen = seenOf('acme/a1', 'acme/a2');
  await call(reviewChanges, { jobId }, { decision: 'approve', shape: SHAPE_A, seen });
  await artifacts.store.write(artifactKeys.reviewedList(jobId, seen), '[["acme/a1"');
  expect(await reviewsOf(jobId)).toEqual(UNDECIDED);
  await call(reviewChanges, { jobId }, { decision: 'reject', shape: SHAPE_A });
  await artifacts.store.write(artifactKeys.reviewedList(jobId, seen), '[["acme/a1"');
  expect(await reviewsOf(jobId)).toEqual({ ...UNDECIDED, 'acme/a1': 'reject', 'acme/a2': 'reject' });
});

test.each([
  ['neither a shape nor repositories', { decision: 'approve', seen: seenOf('acme/b') }],
  ['both', { decision: 'reject', shape: SHAPE_B, repositories: ['acme/b'] }],
  ['an approval without what was seen', { decision: 'approve', shape: SHAPE_B }],
  ['a kin in place of a shape', { decision: 'reject', shape: 'eval(' }],
  ['a shape that no change has', { decision: 'reject', shape: `1:${'c'.repeat(32)}` }],
  ['a repository of another job', { decision: 'reject', repositories: ['acme/other'] }],
  ['a repository without a change', { decision: 'reject', repositories: ['acme/unchanged'] }],
  ['a decision that is none', { decision: 'merge', shape: SHAPE_B }],
])('%s is refused, and nothing is recorded', async (_, request) => {
  const jobId = await reviewedJob();
  expect(await call(reviewChanges, { jobId }, request)).toMatchObject({ status: 400 });
  expect(await tables.stores.reviews.list(jobId)).toEqual([]);
});

test('deleting a job removes its reviews', async () => {
  const jobId = await reviewedJob();
  await call(reviewChanges, { jobId }, { decision: 'reject', shape: SHAPE_B });
  expect(await tables.stores.reviews.list(jobId)).toHaveLength(1);
  await tables.rows.removeAll(jobId);
  expect(await tables.stores.reviews.list(jobId)).toEqual([]);
});
