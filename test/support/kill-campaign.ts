import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { expect } from '@jest/globals';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import { isEnded, isWaiting, type Job, type JobRow } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import type { Thread } from '../../core/thread.ts';
import { STATE_MACHINE_ARN, TABLE_PREFIX } from '../../local/environment.ts';
import { type MessageRequest, promptTexts } from '../../local/model/conversation.ts';
import type { Reply, ReplyBlock } from '../../local/model/reply.ts';
import { LOCAL_AWS } from './aws-clients.ts';
import { freePorts } from './free-ports.ts';
import { type ScriptedModel, startScriptedModel } from './scripted-model.ts';
import { seeded } from './seeded.ts';
import { bundledWorker, PLAIN_ENVIRONMENT, stackProgram, workersOf } from './stack.ts';
import type { TestStackOptions } from './start-stack.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { repositoryOf } from './work-trees.ts';

/** Two are the least of which one can be a sample. */
const NAMES = process.env.TEST_TIER === 'campaign' ? ['alpha', 'beta', 'gamma'] : ['alpha', 'beta'];
const REPOSITORIES = NAMES.map((name) => `local/${name}`);
/** Jobs that are unfinished at once. */
const JOBS_AT_ONCE = 2;
/** An edit of each file, then the submission. */
const FILES = ['a.txt', 'b.txt', 'c.txt', 'd.txt', 'e.txt'];
const TURNS = FILES.length + 1;
/**
 * Input tokens of each answer. The answers of a repository, counted from 0, have 2 to the power of their number beside them, so
 * that the sum in a bill shows which of them it has, and how often.
 */
const INPUT_TOKENS = 20_000;
const OUTPUT_TOKENS = 100;
/** 2 ** 14 is the largest power below INPUT_TOKENS. A repository has `TURNS` answers, and one more for each kill that hit it. */
const MOST_ANSWERS = 14;
/** A process that never reaches the phase in which it is to be killed is ended anyway. */
const LIFE_MS = 60_000;

/** Where a kill is to hit, and how long after the phase shows it may come, in milliseconds. */
const TARGETS = {
  starting: 600,
  cloning: 80,
  conversing: 300,
  /** A worker is killed, and the stack a little later. */
  working: 300,
  recording: 25,
  publishing: 150,
  /** GitHub has the pull request, and its row most likely does not say so yet. */
  opening: 5,
} as const;
type Target = keyof typeof TARGETS;

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const random = seeded(SEED);

/** A job of the test: its number is in its prompt, its id is known once `POST /jobs` was answered. */
type StartedJob = { number: number; jobId: string };
type Row = RepositoryResult &
  Pick<SummaryRow, 'prState' | 'checks'> & { statusKey: string; pullRequestKey?: string };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let dataFolder: string;
let model: ScriptedModel;
let port: number;
let worker: string[];
let program: string[];
let dynamodb: DynamoDBClient;
let serve: ChildProcess | undefined;

const jobs: StartedJob[] = [];
const finished = new Set<string>();
/** Every answer that was paid for. */
const payments: { job: number; repositoryName: string; at: number }[] = [];
/** When a row was first seen ended, by `jobId repositoryName`, and what it said then. */
const ends = new Map<string, { seenAt: number; row: Row }>();
/** A repository that ended must not change any more but for its pull request. */
const changedAfterEnd: string[] = [];
/** What the rows said at each kill. */
const hits: Record<string, number> = {};
const orphansLeft: number[] = [];
const foldersLeft: string[] = [];
let orphans = 0;
let workersKilled = 0;

export async function openCampaign(): Promise<void> {
  folder = await temporaryFolder();
  dataFolder = path.join(folder.path, 'data');
  model = await startScriptedModel(answer);
  port = await freePorts(7);
  worker = await bundledWorker(path.join(dataFolder, 'worker'));
  program = await stackProgram();
  dynamodb = new DynamoDBClient({ ...LOCAL_AWS, endpoint: `http://127.0.0.1:${port + 3}`, maxAttempts: 1 });
}

export async function closeCampaign(): Promise<void> {
  dynamodb?.destroy();
  if (serve && serve.exitCode === null && serve.signalCode === null) {
    serve.kill('SIGINT');
    await once(serve, 'exit');
  }
  await model?.close();
  await folder?.remove();
}

async function answer(request: MessageRequest, _number: number, gone: AbortSignal): Promise<Reply> {
  const text = promptTexts(request).join('\n');
  const job = Number(/\(job (\d+)\)/.exec(text)![1]);
  const repositoryName = /The repository is (\S+)\.$/.exec(text)![1]!;
  await sleep(60 + 120 * Math.random());
  // The caller was killed: no answer is generated.
  if (gone.aborted) return { stall: true };
  const paidBefore = paymentsOf(job, repositoryName);
  if (paidBefore === MOST_ANSWERS) throw new Error(`${repositoryName} of job ${job} has too many answers.`);
  payments.push({ job, repositoryName, at: Date.now() });
  const usage = { input_tokens: INPUT_TOKENS + 2 ** paidBefore, output_tokens: OUTPUT_TOKENS };
  const turn = request.messages.filter(({ role }) => role === 'assistant').length;
  return { content: [TURN_CALLS[turn]!], usage };
}

/** How many answers of this repository were paid for. */
function paymentsOf(number: number, name: string): number {
  return payments.filter(({ job, repositoryName }) => job === number && repositoryName === name).length;
}

/** The numbers of the answers in a sum of input tokens. Fails if one is in it twice. */
function answersIn(inputTokens: number): number[] {
  const powers = inputTokens % INPUT_TOKENS;
  const numbers = Array.from({ length: MOST_ANSWERS }, (_, i) => i).filter((i) => powers & (2 ** i));
  expect({ inputTokens, numbers }).toEqual({
    inputTokens: numbers.reduce((sum, i) => sum + INPUT_TOKENS + 2 ** i, 0),
    numbers,
  });
  return numbers;
}

const edit = (path: string): ReplyBlock => ({
  type: 'tool_use',
  name: 'edit_file',
  input: { path, oldText: 'one', newText: 'two' },
});
const TURN_CALLS: ReplyBlock[] = [
  ...FILES.map(edit),
  {
    type: 'tool_use',
    name: 'task_complete',
    input: { summary: 'Did it.', title: 'Do it', body: 'It is done.', wereChangesNecessary: true },
  },
];

/** Starts what `serve` does, but for bundling the worker; `ready` resolves when it says so, or when it has ended. */
function startServe(): { ready: Promise<boolean>; ended: Promise<unknown> } {
  const options: TestStackOptions = {
    ...{ dataFolder, port, gitHub: 'local', model: 'claude', maxRunning: 2, shared: true },
    given: { ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: model.url },
    workerCommand: worker,
  };
  const child = spawn(process.execPath, [...program, JSON.stringify(options)], {
    env: PLAIN_ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  serve = child;
  const ended = once(child, 'exit');
  const ready = new Promise<boolean>((resolve) => {
    createInterface({ input: child.stdout! }).once('line', () => resolve(true));
    ended.then(() => resolve(false));
  });
  return { ready, ended };
}

/** Posts until it is answered: with the same key it is the same job, whatever was killed in between. */
async function startJob(number: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': `job ${number}` },
    body: JSON.stringify({
      prompt: `Replace one by two (job ${number}).`,
      repositories: REPOSITORIES,
      createPullRequests: true,
      ...(isSampled(number) && { sample: 1 }),
    }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST /jobs: ${response.status} ${text}`);
  jobs.push({ number, jobId: (JSON.parse(text) as Job).jobId });
}

/** Every second job runs one repository first, and the others when it is continued. */
function isSampled(number: number): boolean {
  return number % 2 === 0;
}

async function continueJob({ number, jobId }: StartedJob): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/jobs/${jobId}/continue`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': `continue ${number}` },
    body: '{}',
  });
  if (!response.ok)
    throw new Error(`POST /jobs/${jobId}/continue: ${response.status} ${await response.text()}`);
}

async function topUp(): Promise<void> {
  while (jobs.length - finished.size < JOBS_AT_ONCE) await startJob(jobs.length + 1);
}

async function jobRow(jobId: string): Promise<JobRow> {
  const { Item } = await dynamodb.send(
    new GetItemCommand({
      TableName: `${TABLE_PREFIX}-jobs`,
      Key: { jobId: { S: jobId } },
      ConsistentRead: true,
    }),
  );
  return unmarshall(Item!) as JobRow;
}

async function rowsOf(jobId: string): Promise<Row[]> {
  const { Items } = await dynamodb.send(
    new QueryCommand({
      TableName: `${TABLE_PREFIX}-repositories`,
      KeyConditionExpression: 'jobId = :jobId',
      ExpressionAttributeValues: { ':jobId': { S: jobId } },
      ConsistentRead: true,
    }),
  );
  // The history of pull requests (`#pull-requests#…`) comes by a schedule.
  return Items!
    .map((item) => unmarshall(item) as Row)
    .filter(({ repositoryName }) => !repositoryName.startsWith('#pull-requests#'));
}

/** Reads the rows of every job that is not yet known to have ended; returns where its repositories are. */
async function look(): Promise<string[]> {
  const places: string[] = [];
  for (const started of jobs.filter((job) => !finished.has(job.jobId))) {
    const { jobId } = started;
    const job = await jobRow(jobId);
    const rows = (await rowsOf(jobId)).filter(({ repositoryName }) => !repositoryName.endsWith('#diff'));
    for (const row of rows) noteEnd(row);
    if (isEnded(job.status)) finished.add(jobId);
    else if (isWaiting(job.status)) {
      places.push('waiting');
      await continueJob(started);
    } else if (rows.length > 0 && rows.every(({ status }) => isEnded(status))) places.push('publishing');
    else places.push(...rows.map(placeOf));
  }
  return places;
}

function placeOf({ jobId, repositoryName, run, status, phase }: Row): string {
  if (status !== 'processing') return status;
  const { outcome } = runArtifactKeys({ jobId, repositoryName, run: run! });
  return existsSync(path.join(dataFolder, 'artifacts', outcome)) ? 'recording' : (phase ?? 'queued');
}

function noteEnd(row: Row): void {
  if (!isEnded(row.status)) return;
  const key = `${row.jobId} ${row.repositoryName}`;
  const known = ends.get(key);
  if (!known) ends.set(key, { seenAt: Date.now(), row });
  else
    changedAfterEnd.push(
      ...differences(analysisOf(known.row), analysisOf(row)).map((one) => `${key} ${one}`),
    );
}

/** The fields in which they differ, each as it was and as it is. */
function differences(one: Record<string, unknown>, other: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])]
    .filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]))
    .map((name) => `${name}: ${JSON.stringify(one[name])}, then ${JSON.stringify(other[name])}`);
}

/** The row without what its pull request adds; while that waits for its turn, the phase says so. */
function analysisOf(row: Row) {
  const { pullRequest, pullRequestNumber, pullRequestUrl, pullRequestKey, branch, ...others } = row;
  const { prState, checks, updatedAt, phase, waiting, ...analysis } = others;
  return Object.fromEntries(Object.entries(analysis).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Follows the rows while this `serve` lives; `last` is what they said last. */
function follow(life: { over: boolean }): { last: string[]; done: Promise<void> } {
  const following = { last: [] as string[], done: Promise.resolve() };
  following.done = (async () => {
    while (!life.over) {
      // A read that the kill cut off says nothing.
      await look().then(
        (places) => {
          following.last = places;
        },
        () => {},
      );
      await sleep(5);
    }
  })();
  return following;
}

/**
 * True as soon as what is on disk, or the model, says that the phase has begun in this life; false where this life has
 * lasted long enough without it.
 */
async function reach(target: Target, since: { payments: number; files: Set<string> }): Promise<boolean> {
  for (const deadline = Date.now() + LIFE_MS; Date.now() < deadline; await sleep(2)) {
    if (target === 'cloning' && (await hasWorkspace())) return true;
    const converses = target === 'conversing' || target === 'working';
    if (converses && payments.length > since.payments) return true;
    const sign = SIGNS[target];
    if (sign && (await filesWith(sign)).some((file) => !since.files.has(file))) return true;
    await topUp();
  }
  return false;
}

/** The file that comes to be when a phase begins. */
const SIGNS: { [target in Target]?: { folder: string; file: RegExp } } = {
  recording: { folder: 'artifacts', file: /\/outcome\.json$/ },
  publishing: { folder: 'artifacts', file: /\/publish\/items\.json$/ },
  opening: { folder: 'github/local', file: /\.pulls\/\d+\.json$/ },
};

/** A worker makes its workspace, in the folder of its attempt, just before it clones. */
async function hasWorkspace(): Promise<boolean> {
  const attempts = await foldersOfWorkers();
  const folders = attempts.map((attempt) => readdir(path.join(dataFolder, 'tmp', attempt)).catch(() => []));
  return (await Promise.all(folders)).flat().length > 0;
}

async function foldersOfWorkers(): Promise<string[]> {
  return readdir(path.join(dataFolder, 'tmp')).catch(() => []);
}

async function filesWith({ folder, file }: { folder: string; file: RegExp }): Promise<string[]> {
  // Of the repositories only what is beside them: git's own folders are large.
  const top = path.join(dataFolder, folder);
  const entries = await readdir(top).catch(() => []);
  const within = entries
    .filter((entry) => !entry.endsWith('.git'))
    .map(async (entry) => {
      const names = await readdir(path.join(top, entry), { recursive: true }).catch(() => []);
      return names.map((name) => path.join(entry, name));
    });
  return (await Promise.all(within)).flat().filter((name) => file.test(name));
}

/** The phase that the fewest kills have hit, so that chance leaves none out. */
function nextTarget(): Target {
  const names = Object.keys(TARGETS) as Target[];
  const fewest = Math.min(...names.map((name) => hits[name] ?? 0));
  const rare = names.filter((name) => (hits[name] ?? 0) === fewest);
  return rare[Math.floor(random() * rare.length)]!;
}

/** One life of `serve`, from its start to kill -9. */
async function liveAndDie(number: number): Promise<void> {
  const target = nextTarget();
  const pause = Math.round(random() * TARGETS[target]);
  const before = {
    pids: workersOf(dataFolder).map(({ pid }) => pid),
    folders: await foldersOfWorkers(),
  };
  orphans += before.pids.length;
  const sign = SIGNS[target];
  const files = new Set(sign && (await filesWith(sign)));
  const { ready, ended } = startServe();
  const life = { over: false };
  let following: ReturnType<typeof follow> | undefined;
  let reached = false;
  if (target !== 'starting') {
    expect(await ready).toBe(true);
    await noteLeftovers(before);
    following = follow(life);
    const since = { payments: payments.length, files };
    await topUp();
    reached = await reach(target, since);
  }
  await sleep(pause);
  const killed = target === 'working' && killWorker();
  if (killed) await sleep(Math.round(random() * TARGETS.working));
  serve!.kill('SIGKILL');
  // What GitHub has and no row tells, rows cannot tell; nor which process was killed.
  const untold = (target === 'opening' && reached) || killed ? [target] : [];
  const places = [...new Set([...(following?.last ?? ['starting']), ...untold])];
  life.over = true;
  await ended;
  await following?.done;
  for (const place of places) hits[place] = (hits[place] ?? 0) + 1;
  process.stderr.write(`kill ${number}: meant for ${target} + ${pause} ms, hit ${places.join(', ')}\n`);
}

/** Returns whether there was one. */
function killWorker(): boolean {
  const workers = workersOf(dataFolder);
  const worker = workers[Math.floor(random() * workers.length)];
  if (!worker) return false;
  workersKilled += 1;
  try {
    process.kill(worker.pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
  return true;
}

/** What the life before had left must be gone once this one is up. */
async function noteLeftovers(before: { pids: number[]; folders: string[] }): Promise<void> {
  const alive = new Set(workersOf(dataFolder).map(({ pid }) => pid));
  orphansLeft.push(...before.pids.filter((pid) => alive.has(pid)));
  const there = new Set(await foldersOfWorkers());
  foldersLeft.push(...before.folders.filter((name) => there.has(name)));
}

/**
 * Kills the stack, and in some of its lives a worker before, `kills` times at random moments of every phase, and expects
 * that nothing is lost, doubled or left behind. Returns how many turns there were, and how many of them were paid twice.
 */
export async function killCampaign(kills: number): Promise<{ turns: number; paidTwice: number }> {
  process.stderr.write(`SEED=${SEED}\n`);
  const first = startServe();
  expect(await first.ready).toBe(true);
  for (const name of NAMES) {
    await repositoryOf(
      path.join(folder.path, name),
      Object.fromEntries(FILES.map((file) => [file, 'one\n'])),
    );
    await registerWorkTrees(
      [await inspectWorkTree(path.join(folder.path, name))],
      `http://127.0.0.1:${port + 4}`,
    );
  }
  await topUp();
  serve!.kill('SIGKILL');
  await first.ended;
  for (let kill = 1; kill <= kills; kill++) await liveAndDie(kill);

  const last = startServe();
  expect(await last.ready).toBe(true);
  while (finished.size < jobs.length) {
    await look();
    await sleep(50);
  }
  process.stderr.write(`${jobs.length} jobs, ${orphans} orphans, hits ${JSON.stringify(hits)}\n`);
  expect(model.faults).toEqual([]);
  for (const target of Object.keys(TARGETS)) expect(hits[target]).toBeGreaterThan(0);
  expect({ orphansLeft, foldersLeft, changedAfterEnd }).toEqual({
    orphansLeft: [],
    foldersLeft: [],
    changedAfterEnd: [],
  });
  expect(orphans).toBeGreaterThan(0);

  await everyResultIsThereOnce();
  await everyPullRequestIsThereOnce();
  await everyExecutionEnded();
  await nothingRanAfterItsEnd();

  serve!.kill('SIGINT');
  await last.ended;
  expect(workersOf(dataFolder)).toEqual([]);
  expect(await foldersOfWorkers()).toEqual([]);
  const turns = jobs.length * NAMES.length * TURNS;
  const paidTwice = payments.length - turns;
  process.stderr.write(
    `${turns} turns, ${paidTwice} paid twice, ${orphans + workersKilled} workers killed\n`,
  );
  // A killed worker can lose one answer: the one that it has received and not yet saved.
  expect(paidTwice).toBeLessThanOrEqual(orphans + workersKilled);
  return { turns, paidTwice };
}

async function everyResultIsThereOnce(): Promise<void> {
  for (const { number, jobId } of jobs) {
    const rows = await rowsOf(jobId);
    expect(rows.map(({ repositoryName }) => repositoryName)).toEqual(
      REPOSITORIES.flatMap((name) => [name, `${name}#diff`]),
    );
    const results = rows.filter(({ status }) => status !== undefined);
    const ofSample = isSampled(number) ? 1 : NAMES.length;
    expect(results.filter(({ run }) => run === 1)).toHaveLength(ofSample);
    expect(results.filter(({ run }) => run === 2)).toHaveLength(NAMES.length - ofSample);
    for (const row of results) {
      expect(row).toMatchObject({
        status: 'completed',
        statusKey: `completed#${row.repositoryName}`,
        outcome: 'changed',
        turns: TURNS,
        changedFiles: FILES.length,
      });
      await everyAnswerIsBilledOnce(number, row);
    }
    const job = await jobRow(jobId);
    expect(job).toMatchObject({
      status: 'completed',
      run: isSampled(number) ? 2 : 1,
      counts: {
        ...{ total: NAMES.length, completed: NAMES.length },
        ...{ pending: 0, processing: 0, failed: 0, cancelled: 0 },
      },
      tokenUsage: { total: results.reduce((sum, row) => sum + row.tokenUsage!.total, 0) },
    });
    expect(job.costUsd).toBeCloseTo(
      results.reduce((sum, row) => sum + row.costUsd!, 0),
      6,
    );
  }
}

/**
 * The bill has the answers of the conversation, each once. A kill can lose an answer before the conversation is saved with it,
 * and it is requested again. The lost one was paid for: it is billed if its usage was saved, which is a second write, and no
 * answer is billed that the model did not give.
 */
async function everyAnswerIsBilledOnce(number: number, row: Row): Promise<void> {
  const { input, output, total } = row.tokenUsage!;
  const billed = answersIn(input);
  const { thread } = runArtifactKeys({ ...row, run: row.run! });
  const text = await readFile(path.join(dataFolder, 'artifacts', thread), 'utf8');
  const recorded = (JSON.parse(text) as Thread).turns.flatMap(({ tokenUsage }) =>
    answersIn(tokenUsage.input),
  );
  const paid = Array.from({ length: paymentsOf(number, row.repositoryName) }, (_, i) => i);
  expect(recorded.length).toBeGreaterThanOrEqual(TURNS);
  expect(new Set(recorded).size).toBe(recorded.length);
  expect(billed).toEqual(expect.arrayContaining(recorded));
  expect(paid).toEqual(expect.arrayContaining(billed));
  expect(total).toBe(input + output);
  // An answer that was cut short has fewer.
  expect(output).toBeGreaterThanOrEqual(TURNS * OUTPUT_TOKENS);
  expect(output).toBeLessThanOrEqual(billed.length * OUTPUT_TOKENS);
}

async function everyPullRequestIsThereOnce(): Promise<void> {
  for (const name of NAMES) {
    const response = await fetch(
      `http://127.0.0.1:${port + 4}/api/v3/repos/local/${name}/pulls?state=all&per_page=100`,
    );
    const pulls = (await response.json()) as { number: number; head: { ref: string } }[];
    expect(pulls.map(({ head }) => head.ref).sort()).toEqual(
      jobs.map(({ jobId }) => `cody-batch/${jobId}`).sort(),
    );
    for (const { jobId } of jobs) {
      const row = (await rowsOf(jobId)).find(({ repositoryName }) => repositoryName === `local/${name}`)!;
      const pull = pulls.find(({ head }) => head.ref === `cody-batch/${jobId}`)!;
      expect(row).toMatchObject({ pullRequestNumber: pull.number, pullRequest: { state: 'open' } });
    }
  }
}

async function everyExecutionEnded(): Promise<void> {
  const states = new SFNClient({ ...LOCAL_AWS, endpoint: `http://127.0.0.1:${port + 1}` });
  const { executions } = await states.send(new ListExecutionsCommand({ stateMachineArn: STATE_MACHINE_ARN }));
  states.destroy();
  expect(executions!.map(({ name, status }) => `${name} ${status}`).sort()).toEqual(
    jobs
      .flatMap(({ number, jobId }) => [
        `${jobId}-1 SUCCEEDED`,
        ...(isSampled(number) ? [`${jobId}-2 SUCCEEDED`] : []),
      ])
      .sort(),
  );
}

async function nothingRanAfterItsEnd(): Promise<void> {
  const late: string[] = [];
  for (const { number, jobId } of jobs) {
    for (const row of await rowsOf(jobId)) {
      if (row.status === undefined) continue;
      const completedAt = Date.parse(row.completedAt!);
      const paidLate = payments.some(
        ({ job, repositoryName, at }) =>
          job === number && repositoryName === row.repositoryName && at > completedAt,
      );
      if (paidLate) late.push(`a turn of ${row.repositoryName} of ${jobId}`);
    }
  }
  for (const { message, timestamp } of await workerStarts()) {
    const [, repositoryName, jobId] = /^(\S+) of (\S+)$/.exec(message)!;
    const end = ends.get(`${jobId} ${repositoryName}`)!;
    if (Date.parse(timestamp) > end.seenAt) late.push(`a worker for ${message}`);
  }
  expect(late).toEqual([]);
}

/** The first line of every attempt's log. */
async function workerStarts(): Promise<{ message: string; timestamp: string }[]> {
  const logs = path.join(dataFolder, 'batch/logs');
  const files = (await readdir(logs, { recursive: true })).filter((file) => file.endsWith('.log'));
  const texts = await Promise.all(files.map((file) => readFile(path.join(logs, file), 'utf8')));
  // One that was ended before its first line has done nothing.
  return texts.filter((text) => text.includes('\n')).map((text) => JSON.parse(text.split('\n', 1)[0]!));
}
