import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import {
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import { WORKER_ATTEMPTS } from '../../core/attempts.ts';
import type { JobRow } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { type MessageRequest, promptTexts } from '../../local/model/conversation.ts';
import type { Answer, Reply } from '../../local/model/reply.ts';
import { LOCAL_AWS } from '../support/aws-clients.ts';
import { endOfJob } from '../support/end-of-job.ts';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.ts';
import { type ServedStack, startStackProcess, workersOf } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOf } from '../support/work-trees.ts';

/** A minute of the state machine's waits, and of the worker's patience, is a second here. */
const TIME_SCALE = 60;
const LIMITED_MS = (3 * 60_000) / TIME_SCALE;
const PATIENCE_SECONDS = 120 / TIME_SCALE;

const MODEL = 'claude-sonnet-5-5';
const USAGE = { input_tokens: 1000, output_tokens: 100 };
/** Of one answer: 2 and 10 USD per million tokens. */
const TURN_USD = 0.003;
const TURN_TOKENS = 1100;
/** Of the job definition. */
const ATTEMPTS = WORKER_ATTEMPTS;
/** More than the attempts that each pay for one. */
const MAX_TURNS = ATTEMPTS + 2;

const EXISTING = ['killed', 'long', 'limited', 'good-1', 'good-2'];
const REPOSITORIES = ['local/absent', ...EXISTING.map((name) => `local/${name}`)];

let stack: ServedStack;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let model: ScriptedModel;
let job: JobRow;
let states: SFNClient;
/** Every attempt of the worker that is killed. */
const killed: number[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  model = await startScriptedModel(answer);
  stack = await startStackProcess({
    given: {
      ANTHROPIC_API_KEY: 'test-key',
      ANTHROPIC_BASE_URL: model.url,
      CLAUDE_PATIENCE_SECONDS: String(PATIENCE_SECONDS),
    },
    gitHub: 'local',
    model: 'claude',
    maxRunning: 3,
    shared: false,
    timeScale: TIME_SCALE,
  });
  states = new SFNClient({ ...LOCAL_AWS, endpoint: stack.awsVariables.AWS_ENDPOINT_URL_SFN! });
  for (const name of EXISTING) await repositoryOf(`${folder.path}/${name}`, { 'a.txt': 'one\n' });
  const trees = await Promise.all(EXISTING.map((name) => inspectWorkTree(`${folder.path}/${name}`)));
  await registerWorkTrees(trees, stack.gitHub);
  job = await runJob();
});

afterAll(async () => {
  states?.destroy();
  await stack?.close();
  await model?.close();
  await folder?.remove();
});

const answered = new Map<string, number>();
let limitedSince: number | undefined;

async function answer(request: MessageRequest): Promise<Reply> {
  const repository = promptTexts(request)
    .join('\n')
    .match(/The repository is local\/(\S+)\.$/)![1]!;
  const turn = request.messages.filter(({ role }) => role === 'assistant').length + 1;
  if (repository === 'limited' && turn === 2) {
    limitedSince ??= Date.now();
    if (Date.now() - limitedSince < LIMITED_MS) {
      const headers = { 'retry-after': '1' };
      return { status: 429, type: 'rate_limit_error', message: 'too many requests', headers };
    }
  }
  // An answer more with each attempt, so that each has paid for one before it dies.
  if (repository === 'killed' && turn > killed.length + 1) {
    await killWorker();
    return { stall: true };
  }
  answered.set(repository, (answered.get(repository) ?? 0) + 1);
  return { ...reply(repository, turn), usage: USAGE };
}

function reply(repository: string, turn: number): Answer {
  if (repository === 'long' || repository === 'killed') {
    const input = { path: `${turn}.txt`, content: `${turn}\n` };
    return { content: [{ type: 'tool_use', name: 'write_file', input }] };
  }
  if (turn === 1) {
    const input = { path: 'a.txt', oldText: 'one', newText: 'two' };
    return { content: [{ type: 'tool_use', name: 'edit_file', input }] };
  }
  const input = { summary: 'Did it.', title: 'Do it', body: 'It is done.', wereChangesNecessary: true };
  return { content: [{ type: 'tool_use', name: 'task_complete', input }] };
}

/** The checkpoint is complete: a worker asks for its next answer only after it. */
async function killWorker(): Promise<void> {
  const workers = workersOf(stack.dataFolder);
  const { pid, parent } = workers.find(({ command }) => command.includes(' local/killed '))!;
  expect(parent).toBe(stack.child.pid);
  killed.push(pid);
  process.kill(pid, 'SIGKILL');
}

async function runJob(): Promise<JobRow> {
  const created = await fetch(`${stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      prompt: 'Replace one by two.',
      repositories: REPOSITORIES,
      settings: { model: MODEL, maxTurns: MAX_TURNS },
    }),
  });
  expect(created.status).toBe(201);
  const { jobId } = (await created.json()) as JobRow;
  return endOfJob(stack.api, jobId);
}

async function resultOf(name: string): Promise<RepositoryResult> {
  const response = await fetch(`${stack.api}/jobs/${job.jobId}/repositories/local/${name}`);
  return (await response.json()) as RepositoryResult;
}

test('four repositories that fail in different ways leave the job completed, with each counted', () => {
  expect(model.faults).toEqual([]);
  expect(job).toMatchObject({
    status: 'completed',
    counts: { total: 6, pending: 0, processing: 0, completed: 3, failed: 3, cancelled: 0 },
  });
  expect(job.error).toBeUndefined();
});

test.each(['good-1', 'good-2'])('%s has its change although its neighbours failed', async (name) => {
  expect(await resultOf(name)).toMatchObject({
    status: 'completed',
    outcome: 'changed',
    changes: [{ file: 'a.txt', additions: 1, deletions: 1 }],
    costUsd: expect.closeTo(2 * TURN_USD, 6),
  });
});

test('a repository that does not exist says what to check', async () => {
  const { error, ...result } = await resultOf('absent');
  expect(result).toMatchObject({ status: 'failed', outcome: 'failed', turns: 0, costUsd: 0 });
  expect(error!.name).toBe('RepositoryUnavailableError');
  expect(error!.message).toMatch(/no repository at .*local\/absent.*check the name/);
});

test('a worker that is killed at every attempt is reported as lost, and its cost is counted', async () => {
  expect(killed).toHaveLength(ATTEMPTS);
  const { error, ...result } = await resultOf('killed');
  expect(result).toMatchObject({
    status: 'failed',
    outcome: 'failed',
    attempts: ATTEMPTS,
    turns: ATTEMPTS,
    tokenUsage: { input: ATTEMPTS * 1000, output: ATTEMPTS * 100, total: ATTEMPTS * TURN_TOKENS },
    costUsd: expect.closeTo(ATTEMPTS * TURN_USD, 6),
    model: MODEL,
  });
  expect(result.logStream).toMatch(new RegExp(`-${ATTEMPTS}$`));
  expect(error!.name).toBe('WorkerLostError');
  expect(error!.message).toMatch(/exit code 137.*Retry the job/);
});

test('a repository past its turns is reported with the setting to raise', async () => {
  const result = await resultOf('long');
  expect(result).toMatchObject({
    status: 'failed',
    outcome: 'gaveUp',
    end: 'maxTurns',
    turns: MAX_TURNS,
    costUsd: expect.closeTo(MAX_TURNS * TURN_USD, 6),
  });
  expect(result.summary).toContain('raise settings.maxTurns');
});

test('a model that is throttled for three minutes is waited for outside of Batch, and no turn is paid twice', async () => {
  const result = await resultOf('limited');
  expect(result).toMatchObject({
    status: 'completed',
    outcome: 'changed',
    turns: 2,
    costUsd: expect.closeTo(2 * TURN_USD, 6),
  });
  expect(answered.get('limited')).toBe(2);
  const waits = (await statesEntered('local/limited')).filter((name) => name === 'WaitForModel').length;
  expect(waits).toBeGreaterThan(0);
  expect(result.attempts).toBe(waits + 1);
});

test("the job's cost is the sum of its repositories' costs, including the lost worker", async () => {
  const paid = [...answered.values()].reduce((sum, count) => sum + count, 0);
  expect(paid).toBe(2 + 2 + 2 + ATTEMPTS + MAX_TURNS);
  expect(job.tokenUsage.total).toBe(paid * TURN_TOKENS);
  expect(job.costUsd).toBeCloseTo(paid * TURN_USD, 6);
  const client = new DynamoDBClient({
    ...LOCAL_AWS,
    endpoint: stack.awsVariables.AWS_ENDPOINT_URL_DYNAMODB!,
  });
  const { Item } = await client.send(
    new GetItemCommand({
      TableName: 'cody-batch-local-jobs',
      Key: { jobId: { S: `${job.jobId}#control` } },
    }),
  );
  client.destroy();
  // What the dead worker had reserved for the answer that it never got is free again.
  expect(unmarshall(Item!).reservedUsd).toBeCloseTo(paid * TURN_USD, 6);
});

test("no worker and no worker's folder is left, including those of killed workers", async () => {
  expect(workersOf(stack.dataFolder)).toEqual([]);
  expect(await readdir(path.join(stack.dataFolder, 'tmp'))).toEqual([]);
});

/** The states that the child execution of a repository went through. */
async function statesEntered(repositoryName: string): Promise<string[]> {
  const { mapRuns } = await states.send(new ListMapRunsCommand({ executionArn: job.executionArn! }));
  for (const { mapRunArn } of mapRuns!) {
    const { executions } = await states.send(new ListExecutionsCommand({ mapRunArn: mapRunArn! }));
    for (const { executionArn } of executions!) {
      const { events } = await states.send(
        new GetExecutionHistoryCommand({ executionArn: executionArn!, maxResults: 1000 }),
      );
      const [started] = events!;
      if (JSON.parse(started!.executionStartedEventDetails!.input!).repositoryName === repositoryName)
        return events!.flatMap(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name ?? []);
    }
  }
  throw new Error(`no child execution of ${repositoryName}`);
}
