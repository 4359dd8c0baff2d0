import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import {
  DescribeMapRunCommand,
  GetExecutionHistoryCommand,
  ListMapRunsCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WORKER_ATTEMPTS } from '../../core/attempts.ts';
import type { JobRow } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { TABLE_PREFIX } from '../../local/environment.ts';
import { LOCAL_AWS } from './aws-clients.ts';
import { endOfJob } from './end-of-job.ts';
import { quickWorker } from './quick-worker.ts';
import { type ServedStack, startStackProcess } from './stack.ts';

const FEW = 10;
/** Repositories whose names end like this have a worker that dies: one of a hundred, and one of the ten. */
const DYING = '07';

type Run = { job: JobRow; rows: Map<string, RepositoryResult>; history: string[]; results: ChildResult[] };
type ChildResult = { Input: string; Status: string };

/** Tests of a job over this many repositories, beside one over ten. */
export function testScale(MANY: number): void {
  let stack: ServedStack;
  let dynamodb: DynamoDBClient;
  let states: SFNClient;
  let few: Run;
  let many: Run;

  beforeAll(async () => {
    stack = await startStackProcess({
      given: { MAX_REPOSITORIES: String(MANY), MAX_CONCURRENCY: '64' },
      gitHub: 'local',
      model: 'offline',
      maxRunning: 8,
      shared: false,
      workerCommand: quickWorker(`case $2 in *${DYING}) exit 3;; esac`),
    });
    dynamodb = new DynamoDBClient({
      ...LOCAL_AWS,
      endpoint: stack.awsVariables.AWS_ENDPOINT_URL_DYNAMODB!,
    });
    states = new SFNClient({ ...LOCAL_AWS, endpoint: stack.awsVariables.AWS_ENDPOINT_URL_SFN! });
    few = await runJob(FEW);
    many = await runJob(MANY);
  });

  afterAll(async () => {
    dynamodb?.destroy();
    states?.destroy();
    await stack?.close();
  });

  function namesOf(count: number): string[] {
    return Array.from({ length: count }, (_, i) => `local/service-${String(i).padStart(5, '0')}`);
  }

  async function runJob(count: number): Promise<Run> {
    const created = await fetch(`${stack.api}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'Do nothing.', repositories: namesOf(count) }),
    });
    if (created.status !== 201) throw new Error(`POST /jobs: ${created.status} ${await created.text()}`);
    const { jobId } = (await created.json()) as JobRow;
    const startedAt = Date.now();
    // Each look counts the rows.
    const job = await endOfJob(stack.api, jobId, { everyMs: count === FEW ? 100 : 5_000, withinMs: 900_000 });
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    const memory = /VmHWM:\s+(.+)/.exec(
      await readFile(`/proc/${stack.child.pid}/status`, 'utf8').catch(() => ''),
    );
    process.stderr.write(`${count} repositories: ${seconds} s, at most ${memory?.[1] ?? '?'} so far\n`);
    return {
      job,
      rows: await rowsOf(job.jobId),
      history: await historyOf(job.executionArn!),
      results: await resultsOf(job),
    };
  }

  async function rowsOf(jobId: string): Promise<Map<string, RepositoryResult>> {
    const rows = new Map<string, RepositoryResult>();
    const pages = paginateQuery(
      { client: dynamodb },
      {
        TableName: `${TABLE_PREFIX}-repositories`,
        KeyConditionExpression: 'jobId = :jobId',
        ExpressionAttributeValues: { ':jobId': { S: jobId } },
      },
    );
    for await (const { Items } of pages)
      for (const item of Items!) rows.set(item.repositoryName!.S!, unmarshall(item) as RepositoryResult);
    return rows;
  }

  async function historyOf(executionArn: string): Promise<string[]> {
    const { events, nextToken } = await states.send(
      new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }),
    );
    expect(nextToken).toBeUndefined();
    return events!.map(({ type }) => type!);
  }

  /** The files of the analysis's ResultWriter, by its manifest. */
  async function resultsOf({ jobId, run }: JobRow): Promise<ChildResult[]> {
    const artifacts = path.join(stack.dataFolder, 'artifacts');
    const folder = path.join(artifacts, `jobs/${jobId}/runs/${run}/analyze/results`);
    const [mapRun, ...more] = await readdir(folder);
    expect(more).toEqual([]);
    const manifest = JSON.parse(await readFile(path.join(folder, mapRun!, 'manifest.json'), 'utf8'));
    const files = Object.values(manifest.ResultFiles as Record<string, { Key: string }[]>).flat();
    const texts = await Promise.all(files.map(({ Key }) => readFile(path.join(artifacts, Key), 'utf8')));
    return texts.flatMap((text) => JSON.parse(text) as ChildResult[]);
  }

  test.each([
    ['10', () => few, FEW],
    [MANY.toLocaleString('en'), () => many, MANY],
  ])('every one of %s repositories has its row, and the counts are those of the rows', (_, runOf, count) => {
    const { job, rows } = runOf();
    expect([...rows.keys()].sort()).toEqual(namesOf(count));
    const dying = namesOf(count).filter((name) => name.endsWith(DYING));
    const wrong = [...rows.values()].filter((row) => {
      const dies = row.repositoryName.endsWith(DYING);
      const expected = dies
        ? ['failed', 'failed', 'WorkerLostError', WORKER_ATTEMPTS]
        : ['completed', 'unchanged', undefined, 1];
      const found = [row.status, row.outcome, row.error?.name, row.attempts];
      return JSON.stringify(found) !== JSON.stringify(expected);
    });
    expect(wrong).toEqual([]);
    const completed = count - dying.length;
    expect(job).toMatchObject({
      status: 'completed',
      counts: { total: count, pending: 0, processing: 0, completed, failed: dying.length, cancelled: 0 },
      tokenUsage: { input: 10 * completed, total: 10 * completed },
      costUsd: expect.closeTo(0.00002 * completed, 9),
    });
  });

  test('the history of the job does not grow with its repositories', () => {
    expect(many.history).toEqual(few.history);
    expect(many.history.length).toBeLessThan(100);
  });

  test('the Map run and its result files tell every repository once', async () => {
    for (const [{ job, results }, count] of [
      [few, FEW],
      [many, MANY],
    ] as const) {
      const told = results.map(({ Input }) => JSON.parse(Input).repositoryName as string);
      expect(told.sort()).toEqual(namesOf(count));
      expect(results.every(({ Status }) => Status === 'SUCCEEDED')).toBe(true);
      const { mapRuns } = await states.send(new ListMapRunsCommand({ executionArn: job.executionArn! }));
      const { mapRunArn } = mapRuns![0]!;
      const { itemCounts } = await states.send(new DescribeMapRunCommand({ mapRunArn: mapRunArn! }));
      expect(itemCounts).toMatchObject({ total: count, succeeded: count, failed: 0, resultsWritten: count });
    }
  });
}
