import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { PublishItem } from '../../../core/execution.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import { readArtifact, writeArtifact } from '../../../core/store/artifacts.ts';
import { resolvePullRequests } from '../../../lambdas/steps/resolve-pull-requests.ts';
import { jobRow } from '../../support/job-row.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
let artifacts: Awaited<ReturnType<typeof openTestArtifacts>>;

beforeAll(async () => {
  tables = await openTestTables();
  artifacts = await openTestArtifacts();
});
afterAll(async () => {
  await tables?.close();
  await artifacts?.close();
});

const AT = '2026-01-02T03:04:05.000Z';

test('owners with separate credentials do not wait for each other: their changes are interleaved', async () => {
  const { jobs, rows: repositories, settings } = tables;
  const { store } = artifacts;
  const job = { ...jobRow(), status: 'processing' as const, createPullRequests: true };
  await jobs.create(job);
  const names = ['Big/1', 'big/2', 'big/3', 'big/4', 'small/1', 'tiny/1', 'tiny/2', 'tiny/unchanged'];
  await writeArtifact(store, artifactKeys.repositories(job.jobId), names);
  await repositories.createPending(job.jobId, names, AT);
  for (const name of names) {
    const outcome = name.endsWith('unchanged') ? ('unchanged' as const) : ('changed' as const);
    await repositories.endUnfinished(job.jobId, name, 1, { status: 'completed', outcome, completedAt: AT });
  }
  const storage = { ...tables.stores, artifacts: store, settings, now: () => AT };
  const manifest = await resolvePullRequests({ jobId: job.jobId, run: 1, action: 'analyze' }, storage);
  const items = await readArtifact(store, manifest.key, z.array(PublishItem));
  expect(items.map(({ repositoryName }) => repositoryName)).toEqual([
    ...['Big/1', 'small/1', 'tiny/1'],
    ...['big/2', 'tiny/2'],
    ...['big/3', 'big/4'],
  ]);
  expect(manifest).toMatchObject({ count: 7, concurrency: 12 });
});

test('during the analysis only changes without an earlier attempt are listed, until no more can come', async () => {
  const { jobs, rows: repositories, settings } = tables;
  const { store } = artifacts;
  const job = { ...jobRow(), status: 'processing' as const, createPullRequests: true };
  const { jobId } = job;
  await jobs.create(job);
  const names = ['a/changed', 'a/failed', 'a/open', 'a/unchanged', 'a/working'];
  await writeArtifact(store, artifactKeys.repositories(jobId), names);
  await repositories.createPending(jobId, names, AT);
  for (const name of names.filter((name) => name !== 'a/working')) {
    const outcome = name === 'a/unchanged' ? ('unchanged' as const) : ('changed' as const);
    await repositories.endUnfinished(jobId, name, 1, { status: 'completed', outcome, completedAt: AT });
  }
  const error = { name: 'GitHubPermissionError', message: 'No.' };
  await repositories.recordPullRequest(jobId, 'a/failed', AT, { pullRequest: { state: 'failed', error } });
  await repositories.recordPullRequest(jobId, 'a/open', AT, {
    pullRequest: { state: 'open' },
    pullRequestNumber: 1,
  });

  const storage = { ...tables.stores, artifacts: store, settings, now: () => AT };
  const anHourAgo = new Date(Date.parse(AT) - 3_600_000).toISOString();
  const input = { jobId, run: 1, action: 'analyze' as const };
  const look = () => resolvePullRequests({ ...input, meanwhileSince: anHourAgo }, storage);
  const listed = async ({ key }: { key: string }) =>
    (await readArtifact(store, key, z.array(PublishItem))).map(({ repositoryName }) => repositoryName);

  const first = await look();
  expect(first).toMatchObject({ count: 1, analysed: false });
  // A twentieth of an hour.
  expect(first.nextAt).toBe(new Date(Date.parse(AT) + 180_000).toISOString());
  expect(await listed(first)).toEqual(['a/changed']);
  const last = await resolvePullRequests(input, storage);
  expect(await listed(last)).toEqual(['a/changed', 'a/failed']);
  expect(last.key).not.toBe(first.key);

  await jobs.cancel(jobId, 1, AT);
  expect(await look()).toMatchObject({ count: 0, analysed: true });
});

test('an owner with many changes does not delay the others: each look lists only what can be opened before the next', async () => {
  const { jobs, rows: repositories } = tables;
  const settings = { ...tables.settings, PULL_REQUESTS_PER_HOUR: 400 };
  const { store } = artifacts;
  const job = { ...jobRow(), status: 'processing' as const, createPullRequests: true };
  const { jobId } = job;
  await jobs.create(job);
  const names = [...Array.from({ length: 30 }, (_, i) => `big/${i}`), 'small/1'];
  await repositories.createPending(jobId, names, AT);
  for (const name of names)
    await repositories.endUnfinished(jobId, name, 1, {
      status: 'completed',
      outcome: 'changed',
      completedAt: AT,
    });
  const storage = { ...tables.stores, artifacts: store, settings, now: () => AT };
  const look = (minutes: number) =>
    resolvePullRequests(
      {
        ...{ jobId, run: 1, action: 'analyze' },
        meanwhileSince: new Date(Date.parse(AT) - minutes * 60_000).toISOString(),
      },
      storage,
    );
  // After an hour the next look is in 3 minutes, in which 20 are opened.
  expect((await look(60)).count).toBe(21);
  expect((await look(1)).count).toBe(5);
});
