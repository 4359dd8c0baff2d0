import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Thread, type ThreadTurn } from '../../../core/thread.ts';
import type { Answer } from '../../../local/model/reply.ts';
import { call, calls, Stack, submit, submitUnchanged, type TestFile } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

/** Files of about 2 KB, as source often has. */
const files: Record<string, TestFile> = Object.fromEntries(
  Array.from({ length: 40 }, (_, i) => [`src/file-${i}.ts`, `export const value${i} = ${i};\n`.repeat(70)]),
);
const read = (i: number) => call('read_file', { path: `src/file-${i}.ts` });
const PROMPT = 'Replace the deprecated call by its successor in every file that has it.';

/** The billed usage of each answer, computed by the server's own cache. */
async function turnsOf(
  script: Answer[],
): Promise<{ turns: ThreadTurn[]; model: string; requests: Buffer[] }> {
  const { outcome, model } = await stack.analyze(files, script, { prompt: PROMPT });
  const thread = Thread.parse(
    JSON.parse((await stack.artifacts.read(outcome.artifacts.thread!))!.toString()),
  );
  return { turns: thread.turns, model: thread.model, requests: model.requests.map(({ raw }) => raw) };
}

const inputOf = ({ tokenUsage: { input, cacheCreation, cacheRead } }: ThreadTurn) =>
  input + cacheCreation + cacheRead;

test('in a conversation of twenty turns, nine tenths of what the model reads come from the cache', async () => {
  const script = [...Array.from({ length: 19 }, (_, i) => calls(read(i))), submitUnchanged];
  const { turns } = await turnsOf(script);
  expect(turns).toHaveLength(20);
  const sum = (of: (turn: ThreadTurn) => number) => turns.reduce((total, turn) => total + of(turn), 0);
  expect(sum(({ tokenUsage }) => tokenUsage.cacheRead) / sum(inputOf)).toBeGreaterThanOrEqual(0.9);
  // Nothing is sent that is neither written nor read, but for what comes after the last block.
  for (const { tokenUsage } of turns) expect(tokenUsage.input).toBe(0);
});

test('a turn of forty tool calls does not lose the cache: all that came before it is read', async () => {
  const script = [calls(read(0)), calls(...Array.from({ length: 40 }, (_, i) => read(i))), submitUnchanged];
  const { turns } = await turnsOf(script);
  const [, before, after] = turns;
  expect(after!.tokenUsage.cacheRead).toBe(inputOf(before!));
});

test('two repositories of a job send the same bytes up to their own block, and small ones', async () => {
  const names = ['acme/first', 'acme/second'];
  const jobId = await stack.createJob(names, { prompt: PROMPT, settings: { verify: ['true'] } });
  const bodies: string[] = [];
  for (const name of names) {
    await stack.createRepository(name, { 'a.txt': name });
    const { model } = await stack.work(
      [jobId, name],
      [calls(call('list_files', {})), submit, submit, submit],
    );
    bodies.push(model.requests[0]!.raw.toString());
  }
  const [first, second] = bodies.map((body) => {
    const at = body.indexOf('The repository is ');
    return { shared: body.slice(0, at), own: body.slice(at) };
  });
  expect(first!.shared).toContain(PROMPT);
  expect(first!.shared).toContain('task_complete');
  expect(second!.shared).toBe(first!.shared);
  expect(second!.own).toBe(first!.own.replace('acme/first', 'acme/second'));
});

test('a first request has at most 7,000 bytes beyond the prompt, with every tool there is', async () => {
  const settings = { verify: ['npm test'], verifyBaseline: false, shell: true, effort: 'high' as const };
  const { model } = await stack.analyze(files, [submitUnchanged], { prompt: PROMPT, settings });
  const bytes = model.requests[0]!.raw.length - Buffer.byteLength(JSON.stringify(PROMPT));
  expect(bytes).toBeLessThanOrEqual(7000);
});

test('a request has at most four breakpoints, in a conversation of any length', async () => {
  const script = [...Array.from({ length: 5 }, (_, i) => calls(read(i), read(i + 1))), submitUnchanged];
  const { requests } = await turnsOf(script);
  const counts = requests.map((raw) => raw.toString().split('"cache_control"').length - 1);
  expect(counts).toEqual([3, 4, 4, 4, 4, 4]);
});

test('the worker that goes ahead delays no other worker for long by dying or failing, and a small job claims nothing', async () => {
  const names = ['acme/w1', 'acme/w2', 'acme/w3', 'acme/w4'];
  for (const name of names) await stack.createRepository(name, { 'a.txt': name });
  const prompt = PROMPT.repeat(20);
  const wide = await stack.createJob(names, { prompt, maxConcurrency: 4 });
  // It claimed the prefix and then died.
  const at = Date.now();
  const claimedUntil = at + 1500;
  expect(await stack.control.claimSharedPrefix(wide, 'acme/w1', { at, until: claimedUntil })).toBe(true);

  // Of this repository's request only: one of the key would stop the whole job.
  const refusal = { status: 400, type: 'invalid_request_error', message: 'no' } as const;
  const { model } = await stack.work([wide, 'acme/w2'], [refusal]);
  expect(Date.now()).toBeGreaterThan(claimedUntil);
  expect(model.requests).toHaveLength(1);
  expect(await stack.control.sharedPrefix(wide, 1, 'acme/w4')).toEqual({ isWarm: false, claimedUntil: 0 });

  await stack.work([wide, 'acme/w3'], [submitUnchanged]);
  expect(await stack.control.sharedPrefix(wide, 1, 'acme/w4')).toEqual({ isWarm: true, claimedUntil: 0 });
  expect(await stack.control.sharedPrefix(wide, 2, 'acme/w4')).toEqual({ isWarm: false, claimedUntil: 0 });

  const narrow = await stack.createJob(names.slice(0, 3), { prompt, maxConcurrency: 4 });
  await stack.work([narrow, 'acme/w1'], [submitUnchanged]);
  expect(await stack.control.sharedPrefix(narrow, 1, 'acme/w4')).toEqual({ isWarm: false, claimedUntil: 0 });
});
