import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Thread } from '../../core/thread.ts';
import { promptBlocks } from '../../local/model/prompt-cache.ts';
import { call, calls, Stack, submit } from '../support/worker-stack.ts';

let stack: Stack;
/** A read, an edit and a submission. */
let analyzed: Awaited<ReturnType<Stack['analyze']>>;
beforeAll(async () => {
  stack = await Stack.start({ bundled: false });
  analyzed = await stack.analyze(files, script);
});
afterAll(() => stack.close());

const files = { 'src/a.js': 'old(1);\nold(2);\n' };
const script = [
  calls(call('read_file', { path: 'src/a.js' }), call('search_code', { pattern: 'old' })),
  calls(call('edit_file', { path: 'src/a.js', oldText: 'old(', newText: 'fresh(', replaceAll: true })),
  submit,
];

test('a change that the model makes is recorded with its patch, its cost, its conversation and its log', async () => {
  const { outcome, jobId, name, log } = analyzed;
  expect(outcome).toMatchObject({
    ...{ jobId, repositoryName: name, run: 1, outcome: 'changed', end: 'submitted', turns: 3 },
    ...{ summary: 'Did it.', title: 'Do it', body: 'It is done.', wereChangesNecessary: true },
    ...{ model: 'claude-sonnet-5-5', baseBranch: 'main', baseSha: expect.stringMatching(/^[0-9a-f]{40}$/) },
    changes: [{ file: 'src/a.js', status: 'modified', additions: 2, deletions: 2 }],
  });
  expect(outcome.costUsd).toBeGreaterThan(0);
  const patch = (await stack.artifacts.read(outcome.artifacts.diff!))!.toString();
  expect(patch).toContain('-old(1);\n-old(2);\n+fresh(1);\n+fresh(2);\n');

  const thread = Thread.parse(
    JSON.parse((await stack.artifacts.read(outcome.artifacts.thread!))!.toString()),
  );
  expect(thread.turns.map(({ message, stopReason }) => [message, stopReason])).toEqual([
    [1, 'tool_use'],
    [3, 'tool_use'],
    [5, 'tool_use'],
  ]);
  expect(thread.messages.map(({ role }) => role).join(' ')).toBe(
    'user assistant user assistant user assistant user',
  );
  expect((await stack.artifacts.read(outcome.artifacts.log!))!.toString()).toContain('edit_file src/a.js');
  expect(
    log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).level),
  ).not.toContain('error');
  expect(await stack.leftovers()).toEqual([]);
});

test("a worker's row shows how far it is, and its status stays the state machine's", async () => {
  const { jobId, name } = analyzed;
  const row = await stack.rows.get(jobId, name);
  expect(row).toMatchObject({ phase: 'saving', turns: 3, status: 'pending' });
});

test('repositories of a job share the cached prefix: tools, system and task are the same bytes', async () => {
  await stack.createRepository('acme/one', files);
  await stack.createRepository('other/two', { 'b.txt': 'b' });
  const names = ['acme/one', 'other/two'];
  const jobId = await stack.createJob(names, { settings: { verify: ['true'], shell: true, effort: 'low' } });
  const [one, two] = [
    await stack.work([jobId, names[0]!], script),
    await stack.work([jobId, names[1]!], [submit]),
  ].map(({ model }) => model.requests[0]!.body);
  const prefix = ({ tools, system, messages }: typeof one & object) =>
    JSON.stringify([tools, system, (messages[0]!.content as object[])[0]]);
  expect(prefix(one!)).toBe(prefix(two!));
  expect(prefix(one!)).not.toContain('acme');
  expect(one).toMatchObject({
    ...{ model: 'claude-sonnet-5-5', max_tokens: 64_000, stream: true },
    ...{ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } },
    system: [{ cache_control: { type: 'ephemeral' } }],
    messages: [
      {
        role: 'user',
        content: [{ cache_control: { type: 'ephemeral' } }, { cache_control: { type: 'ephemeral' } }],
      },
    ],
  });
  expect(Object.keys(one!)).not.toContain('temperature');
});

test('the conversation is only ever appended to, so that the cache holds', () => {
  const { model } = analyzed;
  const sent = model.requests.map(({ body }) => promptBlocks(body).map(({ bytes }) => bytes));
  for (const [i, blocks] of sent.slice(1).entries())
    expect(blocks.slice(0, sent[i]!.length)).toEqual(sent[i]);
  expect(model.requests.at(-1)!.body).toMatchObject({ tools: model.requests[0]!.body.tools });
});

test('a secret that a tool shows reaches neither the model nor what is stored', async () => {
  const secret = 'test-claude-key-0123456789';
  const { model, outcome } = await stack.analyze({ 'leak.txt': `key ${secret}\n` }, [
    calls(call('read_file', { path: 'leak.txt' })),
    calls(
      call('write_file', { path: 'new.txt', content: 'x' }),
      call('task_complete', { ...submission, summary: secret }),
    ),
  ]);
  expect(JSON.stringify(model.requests[1]!.body)).toContain('key [redacted]');
  const thread = (await stack.artifacts.read(outcome.artifacts.thread!))!.toString();
  expect(thread + JSON.stringify(outcome)).not.toContain(secret);
});

const submission = { title: 'Do it', body: 'It is done.', wereChangesNecessary: true };
