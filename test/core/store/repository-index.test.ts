import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newJobId } from '../../../core/job.ts';
import { RepositoryIndex } from '../../../core/store/repository-index.ts';
import { openDynamoDB } from '../../../core/store/tables.ts';
import { AT } from '../../support/job-row.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables.close());

test('a job of several pages is listed and counted completely', async () => {
  const { rows, settings } = tables;
  const jobId = newJobId();
  const names = Array.from({ length: 8 }, (_, i) => `local/r${i}`);
  await rows.createPending(jobId, names, AT);
  for (const [i, name] of names.entries()) {
    if (i < 6) await rows.endUnfinished(jobId, name, 1, { status: 'completed', completedAt: AT });
    const pullRequest = { state: 'open' as const };
    if (i < 4) await rows.recordPullRequest(jobId, name, AT, { pullRequest, pullRequestNumber: i + 1 });
  }

  const client = openDynamoDB(settings);
  // Pages of 3 items instead of 1 MB.
  client.middlewareStack.add(
    (next) => (args) => next({ ...args, input: { ...args.input, Limit: 3 } as typeof args.input }),
    { step: 'initialize' },
  );
  const index = new RepositoryIndex(client, settings);
  try {
    expect(await index.listNames(jobId)).toEqual(names);
    expect(await index.listUntried(jobId)).toEqual(['local/r4', 'local/r5']);
    expect(await index.countByIndex(jobId)).toMatchObject({ total: 8, completed: 6, pending: 2 });
    expect(await index.countPullRequests(jobId)).toEqual({ open: 4, merged: 0, closed: 0, failed: 0 });
    const open = await index.openPullRequests(jobId);
    expect(open.map(({ pullRequestNumber }) => pullRequestNumber)).toEqual([1, 2, 3, 4]);
  } finally {
    client.destroy();
  }
});
