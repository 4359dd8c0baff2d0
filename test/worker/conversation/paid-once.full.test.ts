import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import type { MessageRequest } from '../../../local/model/conversation.ts';
import type { Reply } from '../../../local/model/reply.ts';
import { type DynamoDBProxy, startDynamoDBProxy } from '../../support/dynamodb-proxy.ts';
import { call, calls, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
let dynamoDb: DynamoDBProxy;
let environment: Record<string, string>;
beforeAll(async () => {
  stack = await Stack.start();
  dynamoDb = await startDynamoDBProxy(stack.environment.DYNAMODB_ENDPOINT!);
  environment = { DYNAMODB_ENDPOINT: dynamoDb.url };
});
afterAll(async () => {
  await dynamoDb.close();
  await stack.close();
});

const TURNS = 4;
const usage = { input_tokens: 1000, output_tokens: 100 };
const files = { 'a.txt': 'one\n' };

/** A model that counts its answers. No edit occurs twice in its `TURNS`. */
function countingModel(onAnswer: () => void) {
  const answered: number[] = [];
  const script = ({ messages }: MessageRequest): Reply => {
    const turn = messages.filter(({ role }) => role === 'assistant').length + 1;
    answered.push(turn);
    onAnswer();
    if (turn === TURNS) return { ...submit, usage };
    return { ...calls(call('write_file', { path: `${turn}.txt`, content: `${turn}\n` })), usage };
  };
  return { answered, script };
}

/** A job that is wide enough for its workers to wait for the shared prefix. */
async function wideJob(name: string): Promise<string> {
  await stack.createRepository(name, files);
  const names = [name, ...['x', 'y', 'z'].map((other) => `acme/${other}`)];
  return stack.createJob(names, { maxConcurrency: 4, prompt: 'Write the files. '.repeat(200) });
}

const PAID_ONCE = {
  outcome: 'changed',
  turns: TURNS,
  tokenUsage: { input: TURNS * 1000, output: TURNS * 100, total: TURNS * 1100 },
};

test("no answer is paid twice if the tables fail between each answer and the end of its worker, and the bill matches the model's count", async () => {
  const name = 'acme/refused';
  const jobId = await wideJob(name);
  const { answered, script } = countingModel(() => dynamoDb.decide(() => 'refused'));
  const exits: (number | null)[] = [];
  while (exits.at(-1) !== 0 && exits.length < 2 * TURNS) {
    dynamoDb.decide(() => 'answered');
    exits.push((await stack.work([jobId, name], script, environment)).exitCode);
  }
  dynamoDb.decide(() => 'answered');
  expect(answered).toEqual([1, 2, 3, 4]);
  // Each worker but the last found no way to reserve its next call.
  expect(exits).toEqual([1, 1, 1, 0]);
  expect(await stack.outcome(jobId, name)).toMatchObject(PAID_ONCE);
});

test('a worker outlives connections to the tables that drop after each answer', async () => {
  const name = 'acme/dropped';
  const jobId = await wideJob(name);
  let drops = 0;
  const { answered, script } = countingModel(() => {
    drops = 3;
  });
  dynamoDb.decide(() => (drops-- > 0 ? 'dropped' : 'answered'));
  const { exitCode } = await stack.work([jobId, name], script, environment);
  dynamoDb.decide(() => 'answered');
  expect({ exitCode, answered }).toEqual({ exitCode: 0, answered: [1, 2, 3, 4] });
  expect(await stack.outcome(jobId, name)).toMatchObject(PAID_ONCE);
});

test('a shared prefix that cannot be read or claimed fails no repository', async () => {
  const name = 'acme/no-prefix';
  const jobId = await wideJob(name);
  const { script } = countingModel(() => {});
  // The control item is read twice before the first call: for the model's check, and for the prefix.
  let reads = 0;
  dynamoDb.decide((operation) => (operation === 'GetItem' && ++reads === 3 ? 'refused' : 'answered'));
  const { exitCode, log } = await stack.work([jobId, name], script, environment);
  dynamoDb.decide(() => 'answered');
  expect(exitCode).toBe(0);
  expect(log).toContain("do not wait for the job's shared prefix");
  expect(await stack.outcome(jobId, name)).toMatchObject(PAID_ONCE);
});

test('a turn takes fewer than two writes of the control item, and the job owes nothing at the end', async () => {
  const name = 'acme/writes';
  await stack.createRepository(name, files);
  const jobId = await stack.createJob([name]);
  const { script } = countingModel(() => {});
  dynamoDb.carriedOut.length = 0;
  await stack.work([jobId, name], script, environment);
  const updates = dynamoDb.carriedOut.filter((operation) => operation === 'UpdateItem').length;
  // One a turn on the control item, one when all is over, one for the model's check; and at most two a turn on the row.
  expect(updates).toBeLessThanOrEqual(3 * TURNS + 5);
  expect(await stack.control.get(jobId)).toMatchObject({ spentUsd: expect.closeTo(TURNS * 0.003, 6) });
  expect(await stack.control.reserve(jobId, 50 - TURNS * 0.003 - 1e-9, 50)).toBe(true);
});

test('an interrupted first answer is billed, although its worker is lost before any turn is whole', async () => {
  const name = 'acme/lost-first';
  await stack.createRepository(name, files);
  const jobId = await stack.createJob([name]);
  const broken = { afterEvents: 4, fault: 'drop', content: submit.content, usage } as const;
  const lost = await stack.startWorker([jobId, name], [broken, { stall: true }]);
  while (lost.model.requests.length < 2) await sleep(10);
  lost.child.kill('SIGKILL');
  await lost.finished;

  await stack.work([jobId, name], [{ ...submit, usage }]);
  expect(await stack.outcome(jobId, name)).toMatchObject({ turns: 1, tokenUsage: { input: 2000 } });
});

test('an answer that was lost after its usage was saved is billed, and requested again', async () => {
  const name = 'acme/lost-answer';
  await stack.createRepository(name, files);
  const jobId = await stack.createJob([name]);
  const edit = { ...calls(call('write_file', { path: 'b.txt', content: 'x' })), usage };
  const lost = await stack.startWorker([jobId, name], [edit, { stall: true }]);
  while (lost.model.requests.length < 2) await sleep(10);
  lost.child.kill('SIGKILL');
  await lost.finished;
  // What a kill leaves between the two writes of a save.
  const key = `${runArtifactKeys({ jobId, repositoryName: name, run: 1 }).checkpoint}usage.json`;
  const saved = JSON.parse((await stack.artifacts.read(key))!.toString());
  const tokenUsage = { ...saved.tokenUsage, input: 2000, output: 200, total: 2200 };
  await stack.artifacts.write(key, JSON.stringify({ ...saved, turns: 2, tokenUsage, costUsd: 0.006 }));

  await stack.work([jobId, name], [{ ...submit, usage }]);
  expect(await stack.outcome(jobId, name)).toMatchObject({
    turns: 2,
    tokenUsage: { input: 3000, output: 300 },
    costUsd: 0.009,
  });
});

test('the cost of an earlier attempt is in the outcome of one that cannot resume', async () => {
  const name = 'acme/gone';
  await stack.createRepository(name, files);
  const jobId = await stack.createJob([name]);
  const edit = { ...calls(call('write_file', { path: 'b.txt', content: 'x' })), usage };
  const lost = await stack.startWorker([jobId, name], [edit, { stall: true }]);
  while (lost.model.requests.length < 2) await sleep(10);
  lost.child.kill('SIGKILL');
  await lost.finished;

  await stack.work([jobId, name], [], { CLAUDE_API_KEY: '' });
  expect(await stack.outcome(jobId, name)).toMatchObject({
    outcome: 'failed',
    turns: 1,
    tokenUsage: { input: 1000, output: 100 },
    costUsd: 0.003,
  });
});

/** Damages to a checkpoint of one turn, and the resulting tokens: 3,000 if the work started over. */
const DAMAGED: Record<string, { file: string; bytes: string; input: number }> = {
  'an empty conversation': { file: 'checkpoint/conversation.json', bytes: '', input: 3000 },
  'half a conversation': { file: 'checkpoint/conversation.json', bytes: '{"run":1,"mess', input: 3000 },
  'a conversation of another version': {
    ...{ file: 'checkpoint/conversation.json', bytes: '{"run":1,"messages":[],"turns":[]}', input: 3000 },
  },
  'a patch edited by hand': { file: 'checkpoint/work-tree.patch', bytes: 'no patch', input: 3000 },
  'a usage snapshot of negative tokens': {
    ...{ file: 'checkpoint/usage.json', bytes: '{"run":1,"tokenUsage":{"total":-1}}', input: 2000 },
  },
  'an outcome cut short': { file: 'outcome.json', bytes: '{"run":1', input: 2000 },
};

test('a damaged checkpoint is ignored with a warning, and its cost still counts', async () => {
  const edit = { ...calls(call('write_file', { path: 'b.txt', content: 'x' })), usage };
  const done = { ...submit, usage };
  const resumed = async (what: string) => {
    const { file, bytes } = DAMAGED[what]!;
    const name = `acme/damaged-${Object.keys(DAMAGED).indexOf(what)}`;
    await stack.createRepository(name, files);
    const jobId = await stack.createJob([name]);
    const lost = await stack.startWorker([jobId, name], [edit, { stall: true }]);
    while (lost.model.requests.length < 2) await sleep(10);
    lost.child.kill('SIGKILL');
    await lost.finished;
    await writeFile(
      `${stack.folder}/artifacts/${runArtifactKeys({ jobId, repositoryName: name, run: 1 }).folder}${file}`,
      bytes,
    );
    const isResumed = DAMAGED[what]!.input === 2000;
    const { log } = await stack.work([jobId, name], isResumed ? [done] : [edit, done]);
    expect(log).toMatch(/is ignored|starts over|begins anew/);
    return [what, (await stack.outcome(jobId, name))!.tokenUsage.input];
  };
  expect(Object.fromEntries(await Promise.all(Object.keys(DAMAGED).map(resumed)))).toEqual(
    Object.fromEntries(Object.entries(DAMAGED).map(([what, { input }]) => [what, input])),
  );
});
