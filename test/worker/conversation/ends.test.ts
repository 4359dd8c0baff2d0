import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Checkpoint } from '../../../core/outcome.ts';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { Thread } from '../../../core/thread.ts';
import type { Failure } from '../../../local/model/reply.ts';
import { call, calls, Stack, submit, submitUnchanged } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

const files = { 'a.txt': 'one\n', 'b.txt': 'two\n' };
const usage = { input_tokens: 1000, output_tokens: 100 };
/** claude-sonnet-5-5: 1,000 × $2 and 100 × $10 per million. */
const COST = 0.003;
const read = (path: string) => ({ content: [call('read_file', { path })], usage });
const say = (text: string) => ({ content: [{ type: 'text', text } as const], usage });

test('the limit of turns ends a repository with its cost and the diff so far', async () => {
  const edit = calls(call('edit_file', { path: 'a.txt', oldText: 'one', newText: '1' }));
  const { outcome, model } = await stack.analyze(files, [edit, read('b.txt')], { settings: { maxTurns: 2 } });
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'maxTurns', turns: 2 });
  expect(outcome.summary).toContain('settings.maxTurns');
  expect(outcome.changes).toMatchObject([{ file: 'a.txt', additions: 1 }]);
  expect((await stack.artifacts.read(outcome.artifacts.diff!))!.toString()).toContain('+1');
  expect(model.requests).toHaveLength(2);
});

test("a repository's cost stops at its limit, and what was spent is in the outcome", async () => {
  const script = [read('a.txt'), read('b.txt'), read('a.txt')];
  const { outcome, model } = await stack.analyze(files, script, { settings: { maxCostUsd: 0.005 } });
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'maxCost', turns: 2, costUsd: 2 * COST });
  expect(outcome.tokenUsage).toMatchObject({ input: 2000, output: 200, total: 2200 });
  expect(model.requests).toHaveLength(2);
});

test("the job's cap stops every repository of the job, and only the real cost stays reserved", async () => {
  const names = ['acme/cap-1', 'acme/cap-2'];
  for (const name of names) await stack.createRepository(name, files);
  const jobId = await stack.createJob(names, { maxCostUsd: 0.02 });
  const first = [
    read('a.txt'),
    { content: [call('read_file', { path: 'b.txt' })], usage: { output_tokens: 1500 } },
  ];
  await stack.work([jobId, names[0]!], first);
  expect(await stack.outcome(jobId, names[0]!)).toMatchObject({ end: 'jobCost', turns: 2, costUsd: 0.018 });
  expect(await stack.control.stoppedBy(jobId)).toBe('jobCost');

  const second = await stack.work([jobId, names[1]!], [read('a.txt')]);
  expect(await stack.outcome(jobId, names[1]!)).toMatchObject({ end: 'jobCost', turns: 0, costUsd: 0 });
  expect(second.model.requests).toHaveLength(0);
});

test('a cancelled job sends no further request, and does not end for its cost', async () => {
  await stack.createRepository('acme/cancelled', files);
  const jobId = await stack.createJob(['acme/cancelled']);
  await stack.control.stop(jobId, 1, 'cancelled');
  const { model } = await stack.work([jobId, 'acme/cancelled'], [submit]);
  const outcome = await stack.outcome(jobId, 'acme/cancelled');
  expect(outcome).toMatchObject({ outcome: 'failed', error: { name: 'ConflictError' } });
  expect(outcome!.end).toBeUndefined();
  expect(model.requests).toHaveLength(0);
});

test('the time limit ends even a call that never answers', async () => {
  const { outcome } = await stack.analyze(files, [{ stall: true }], { settings: { maxMinutes: 0.02 } });
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'maxMinutes', turns: 0 });
});

test('the time limit ends a turn of slow calls in its middle', async () => {
  const check = 'sleep 1; echo slept';
  const script = [calls(...Array.from({ length: 8 }, () => call('run_check', { command: check }))), submit];
  const { outcome, model } = await stack.analyze(files, script, {
    settings: { maxMinutes: 0.05, verify: [check], verifyBaseline: false },
  });
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'maxMinutes' });
  expect(model.requests.length).toBeLessThan(2);
  const thread = (await stack.artifacts.read(outcome.artifacts.thread!))!.toString();
  expect(thread).not.toContain('slept\\n');
});

test('a model that only talks is reminded once, and its last words are kept', async () => {
  const { outcome, model } = await stack.analyze(files, [say('Shall I?'), say('I cannot do this.')]);
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'gaveUp', summary: 'I cannot do this.', turns: 2 });
  expect(JSON.stringify(model.requests[1]!.body.messages.at(-1))).toContain('task_complete');
});

test('a refusal ends as such, with its text', async () => {
  const { outcome } = await stack.analyze(files, [{ ...say('I will not.'), stopReason: 'refusal' }]);
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'refused', summary: 'I will not.', costUsd: COST });
  const silent = await stack.analyze(files, [{ content: [], stopReason: 'refusal' }]);
  expect(silent.outcome).toMatchObject({
    end: 'refused',
    summary: expect.stringContaining('reword the prompt'),
  });
});

test("a refusal has the API's explanation, and none of its calls run", async () => {
  const explained = {
    content: [call('write_file', { path: 'new.txt', content: 'x' })],
    stopReason: 'refusal' as const,
    stopDetails: { type: 'refusal', category: 'cyber', explanation: 'It could harm.' } as const,
  };
  const { outcome } = await stack.analyze(files, [explained]);
  expect(outcome).toMatchObject({ end: 'refused', summary: "The API's reason: It could harm.", changes: [] });
});

test('a turn that the API pauses is continued without a reminder', async () => {
  const paused = { ...say('Let me see.'), stopReason: 'pause_turn' as const };
  const { outcome, model } = await stack.analyze(files, [paused, paused, paused, submitUnchanged]);
  expect(outcome).toMatchObject({ outcome: 'unchanged', turns: 4 });
  expect(JSON.stringify(model.requests[3]!.body.messages)).not.toContain('task_complete; otherwise');
});

test("a conversation that exceeds the context ends as such, for each form of the API's error", async () => {
  const tooLong: Failure = {
    status: 400,
    type: 'invalid_request_error',
    message: 'prompt is too long: 2 tokens > 1 maximum',
  };
  for (const reply of [{ ...say('…'), stopReason: 'model_context_window_exceeded' as const }, tooLong]) {
    const { outcome } = await stack.analyze(files, [reply]);
    expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'contextExceeded' });
  }
});

test('a model that talks again later is reminded again', async () => {
  const { outcome } = await stack.analyze(files, [say('Hm.'), read('a.txt'), say('Hm.'), submitUnchanged]);
  expect(outcome).toMatchObject({ outcome: 'unchanged', turns: 4 });
});

test('a truncated answer runs no incomplete call, and the model continues when reminded', async () => {
  const cut = call('write_file', { path: 'half.txt', content: 'ha' });
  const { outcome, model } = await stack.analyze(files, [
    { content: [call('write_file', { path: 'whole.txt', content: 'whole' }), cut], stopReason: 'max_tokens' },
    say('Done.'),
    submit,
  ]);
  expect(outcome).toMatchObject({ outcome: 'changed', turns: 3 });
  expect(outcome.changes.map(({ file }) => file)).toEqual(['whole.txt']);
  expect(JSON.stringify(model.requests[1]!.body.messages.at(-1))).toContain('smaller steps');
});

test('a truncated thinking block is not sent back, because the API would refuse it', async () => {
  const thinking = {
    content: [{ type: 'thinking', thinking: 'First I', signature: '' } as const],
    stopReason: 'max_tokens' as const,
  };
  const { outcome, model } = await stack.analyze(files, [thinking, submitUnchanged]);
  expect(outcome).toMatchObject({ outcome: 'unchanged', turns: 2 });
  expect(JSON.stringify(model.requests[1]!.body.messages)).not.toContain('First I');
});

test("each turn's usage, cost, duration and stop reason are in the thread", async () => {
  const cached = {
    ...{ input_tokens: 10, cache_creation_input_tokens: 2000, cache_read_input_tokens: 30_000 },
    output_tokens: 100,
  };
  const { outcome } = await stack.analyze(files, [
    { ...read('a.txt'), usage: cached },
    { ...submitUnchanged, usage },
  ]);
  const thread = Thread.parse(
    JSON.parse((await stack.artifacts.read(outcome.artifacts.thread!))!.toString()),
  );
  expect(thread.turns).toMatchObject([
    {
      ...{ message: 1, stopReason: 'tool_use', seconds: expect.any(Number) },
      tokenUsage: { input: 10, cacheCreation: 2000, cacheRead: 30_000, output: 100, total: 32_110 },
      // 10 × $2, 2,000 × $2.50, 30,000 × $0.10 and 100 × $10 per million.
      costUsd: 0.00902,
    },
    { message: 3, stopReason: 'tool_use', costUsd: COST },
  ]);
  expect(outcome.costUsd).toBe(0.00902 + COST);
});

test('a persistent rate limit frees the slot, with the time to resume and the cost', async () => {
  const limited: Failure = {
    ...{ status: 429, type: 'rate_limit_error', message: 'slow down' },
    headers: { 'retry-after': '300' },
  };
  const edit = { ...calls(call('write_file', { path: 'new.txt', content: 'x' })), usage };
  const { outcome, jobId, name } = await stack.analyze(files, [edit, limited]);
  expect(outcome).toMatchObject({ outcome: 'throttled', end: 'throttled', turns: 1, costUsd: COST });
  expect(Date.parse(outcome.resumeAt!) - Date.parse(outcome.completedAt)).toBeGreaterThan(290_000);
  const state = await stack.artifacts.read(
    `${runArtifactKeys({ jobId, repositoryName: name, run: 1 }).checkpoint}usage.json`,
  );
  expect(Checkpoint.parse(JSON.parse(state!.toString()))).toMatchObject({ turns: 1, costUsd: COST });

  // The same run resumes: no paid answer is requested again.
  const resumed = await stack.work([jobId, name], [submit]);
  expect(resumed.model.requests[0]!.body.messages).toHaveLength(3);
  expect(await stack.outcome(jobId, name)).toMatchObject({ outcome: 'changed', turns: 2 });
});

test('a short rate limit is waited for; an interrupted answer is requested again and billed', async () => {
  const limited: Failure = {
    ...{ status: 529, type: 'overloaded_error', message: 'busy' },
    headers: { 'retry-after': '0.1' },
  };
  const edit = { ...calls(call('write_file', { path: 'new.txt', content: 'x' })), usage };
  const broken = { afterEvents: 4, fault: 'drop', content: edit.content, usage } as const;
  const { outcome } = await stack.analyze(files, [limited, broken, edit, { ...submit, usage }]);
  expect(outcome).toMatchObject({ outcome: 'changed', turns: 2 });
  expect(outcome.tokenUsage.input).toBe(3000);
});

test('a model without a known price has no cost figure, and still counts its tokens', async () => {
  const { outcome } = await stack.analyze(files, [say('No.'), say('No.')], {
    settings: { model: 'of-my-own' },
  });
  expect(outcome.costUsd).toBeUndefined();
  expect(outcome).toMatchObject({ model: 'of-my-own', tokenUsage: { input: 2000 } });
});
