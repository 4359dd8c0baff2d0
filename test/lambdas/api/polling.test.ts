import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { countsOf } from '../../../core/job.ts';
import type { RepositoryResult } from '../../../core/repository-result.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import type { ArtifactStore } from '../../../core/store/artifact-store.ts';
import { getJob } from '../../../lambdas/api/get-job.ts';
import { toResponse } from '../../../lambdas/api/route.ts';
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

test('a running job that is polled keeps its updatedAt and its ETag until something happens', async () => {
  const { jobs, rows, settings, stores } = tables;
  const names = ['local/a', 'local/b'];
  const job = jobRow({ counts: countsOf({ pending: names.length }) });
  const { jobId } = job;
  await jobs.create(job);
  await rows.createPending(jobId, names, AT);
  let minute = 0;
  const poll = async (ifNoneMatch?: string) => {
    minute += 1;
    const now = () => new Date(Date.parse(AT) + minute * 60_000).toISOString();
    const context = { settings, ...stores, artifacts: artifacts.store, now };
    const headers = { ...(ifNoneMatch && { 'if-none-match': ifNoneMatch }) };
    const event = { headers, requestContext: {} } as unknown as APIGatewayProxyEventV2;
    const response = toResponse(await getJob.answer(event, { jobId }, context), headers, getJob);
    const { updatedAt } = await jobs.get(jobId);
    return { status: response.statusCode, etag: String(response.headers!.etag), updatedAt };
  };
  const first = await poll();
  expect(first).toMatchObject({ status: 200, updatedAt: AT });
  expect(await poll(first.etag)).toEqual({ ...first, status: 304 });

  await rows.endUnfinished(jobId, 'local/a', 1, { status: 'failed', completedAt: AT });
  const changed = await poll(first.etag);
  expect(changed.status).toBe(200);
  expect(changed.updatedAt > AT).toBe(true);
  expect(await poll(changed.etag)).toEqual({ ...changed, status: 304 });
});

test('a page of results reads the list of names once, however often it is polled', async () => {
  const { jobs, rows, settings, stores } = tables;
  const names = ['local/a', 'local/b', 'local/c'];
  const job = jobRow({ counts: countsOf({ pending: names.length }) });
  const { jobId } = job;
  await jobs.create(job);
  await rows.createPending(jobId, names, AT);
  const read: string[] = [];
  const store: ArtifactStore = {
    read: (key) => {
      read.push(key);
      return artifacts.store.read(key);
    },
    write: (...all) => artifacts.store.write(...all),
    removeAll: (prefix) => artifacts.store.removeAll(prefix),
    signedUrl: (...all) => artifacts.store.signedUrl(...all),
  };
  const page = async (query: Record<string, string>) => {
    const context = { settings, ...stores, artifacts: store, now: () => AT };
    const event = { headers: {}, queryStringParameters: query, requestContext: {} };
    const output = await getJob.answer(event as unknown as APIGatewayProxyEventV2, { jobId }, context);
    const { results, cursor } = (output as { json: { results: RepositoryResult[]; cursor?: string } }).json;
    return { names: results.map(({ repositoryName }) => repositoryName), cursor };
  };
  // A list that the job has not counted yet is not kept.
  await artifacts.store.write(artifactKeys.repositories(jobId), JSON.stringify(names.slice(0, 2)));
  expect(await page({})).toEqual({ names: names.slice(0, 2), cursor: undefined });
  await artifacts.store.write(artifactKeys.repositories(jobId), JSON.stringify(names));
  expect(await page({ limit: '2' })).toEqual({ names: names.slice(0, 2), cursor: 'local/b' });
  expect(await page({ limit: '2', cursor: 'local/b' })).toEqual({ names: ['local/c'], cursor: undefined });
  expect(await page({ limit: '1' })).toEqual({ names: ['local/a'], cursor: 'local/a' });
  expect(read).toEqual(Array(2).fill(artifactKeys.repositories(jobId)));
});
