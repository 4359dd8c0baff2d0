import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { countsOf } from '../../../core/job.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../../core/store/artifacts.ts';
import { NO_TOKENS } from '../../../core/usage.ts';
import { completeJob } from '../../../lambdas/steps/complete-job.ts';
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

/** The repositories of the rows that DynamoDB is asked for, once for each read. A query reads any number of them. */
function readsOf({ client, settings }: TestTables): string[] {
  const reads: string[] = [];
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        const input = args.input as {
          TableName?: string;
          Key?: Record<string, unknown>;
          RequestItems?: Record<string, { Keys?: Record<string, unknown>[] }>;
        };
        const many = input.RequestItems?.[settings.repositoriesTable!]?.Keys ?? [];
        const keys = /^(?:Get|BatchGet)Item/.test(commandName ?? '') ? [...many, input.Key ?? {}] : [];
        for (const key of keys) if ('repositoryName' in key) reads.push(nameOf(key.repositoryName));
        if (/^(?:Query|Scan)/.test(commandName ?? '') && input.TableName === settings.repositoriesTable)
          reads.push(commandName!);
        return next(args);
      },
    { step: 'initialize' },
  );
  return reads;
}

function nameOf(value: unknown): string {
  return typeof value === 'string' ? value : String((value as { S: string }).S);
}

test('a job of many repositories ends after one read of each row, and a second one of the rows that it ended', async () => {
  const { jobs, rows, settings, stores } = tables;
  const names = Array.from({ length: 130 }, (_, i) => `local/r-${String(i).padStart(3, '0')}`);
  const unfinished = names.slice(0, 3);
  const job = jobRow({ counts: countsOf({ pending: names.length }) });
  const { jobId } = job;
  await jobs.create(job);
  await rows.createPending(jobId, names, AT);
  await writeArtifact(artifacts.store, artifactKeys.repositories(jobId), names);
  const used = { tokenUsage: { ...NO_TOKENS, input: 10, total: 10 }, costUsd: 0.01 };
  for (const name of names.slice(3))
    await rows.endUnfinished(jobId, name, 1, { status: 'completed', completedAt: AT, ...used });

  const reads = readsOf(tables);
  const context = { settings, ...stores, artifacts: artifacts.store, now: () => AT };
  await completeJob({ jobId, run: 1, action: 'analyze' } as Parameters<typeof completeJob>[0], context);

  expect(reads.toSorted()).toEqual([...names, ...unfinished].toSorted());
  expect(await jobs.get(jobId)).toMatchObject({
    status: 'completed',
    counts: { total: 130, completed: 127, failed: 3 },
    tokenUsage: { total: 1270 },
    costUsd: expect.closeTo(1.27, 6),
  });
});
