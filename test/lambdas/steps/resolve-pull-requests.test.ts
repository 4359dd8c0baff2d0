import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { artifactKeys, readArtifact, writeArtifact } from '../../../core/artifacts.ts';
import { PublishItem } from '../../../core/execution.ts';
import { resolvePullRequests } from '../../../lambdas/steps/resolve-pull-requests.ts';
import { jobRow } from '../../core/job-row.ts';
import { openTestArtifacts, openTestTables, type TestTables } from '../../core/stores.ts';

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

test('owners whose credentials have paces of their own do not wait for each other: their changes are opened in turn', async () => {
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
  const storage = { jobs, repositories, artifacts: store, settings, now: () => AT };
  const manifest = await resolvePullRequests({ jobId: job.jobId, run: 1, action: 'analyze' }, storage);
  const items = await readArtifact(store, manifest.key, z.array(PublishItem));
  expect(items.map(({ repositoryName }) => repositoryName)).toEqual([
    ...['Big/1', 'small/1', 'tiny/1'],
    ...['big/2', 'tiny/2'],
    ...['big/3', 'big/4'],
  ]);
  expect(manifest).toMatchObject({ count: 7, concurrency: 12 });
});
