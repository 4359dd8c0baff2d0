import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Usage } from '@anthropic-ai/sdk/resources/messages';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OutcomeDocument } from '../../../core/outcome.ts';
import { listenOnLoopback } from '../../../local/access/loopback.ts';
import type { Failure } from '../../../local/model/reply.ts';
import { newerWorkerBundle } from '../../support/worker-bundle.ts';
import { call, calls, Stack, submit, submitUnchanged } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

const files = { 'a.txt': 'one\n' };
const GOOD = { input_tokens: 1000, output_tokens: 100 };

/** The reported usage, and the range in which the counted usage must be. */
const REPORTS: Record<string, { usage: object; input: [number, number]; output: [number, number] }> = {
  'negative counts': {
    usage: { input_tokens: -5, output_tokens: -1 },
    ...{ input: [1000, 3000], output: [10, 200] },
  },
  'counts that are missing': {
    usage: { input_tokens: undefined, output_tokens: undefined },
    ...{ input: [1000, 3000], output: [10, 200] },
  },
  fractions: { usage: { input_tokens: 10.2, output_tokens: 0.5 }, input: [11, 11], output: [1, 1] },
  'more than 2^53': {
    usage: { input_tokens: 2 ** 60, output_tokens: 1e300 },
    ...{ input: [1e6, 1e8], output: [1e6, 1e8] },
  },
  words: {
    usage: { input_tokens: 'many', output_tokens: '7', cache_read_input_tokens: 'none' },
    ...{ input: [1000, 3000], output: [10, 200] },
  },
};

test.each(Object.keys(REPORTS))(
  'usage of %s is counted within bounds and said in the log, and fails nothing',
  async (what) => {
    const { usage, input, output } = REPORTS[what]!;
    const { outcome, log } = await stack.analyze(files, [
      { ...submitUnchanged, usage: usage as Partial<Usage> },
    ]);
    expect(outcome).toMatchObject({ outcome: 'unchanged', turns: 1 });
    expect(OutcomeDocument.parse(outcome)).toEqual(outcome);
    const { tokenUsage } = outcome;
    expect(tokenUsage.input).toBeGreaterThanOrEqual(input[0]);
    expect(tokenUsage.input).toBeLessThanOrEqual(input[1]);
    expect(tokenUsage.output).toBeGreaterThanOrEqual(output[0]);
    expect(tokenUsage.output).toBeLessThanOrEqual(output[1]);
    expect(log).toContain('reported impossible usage');
  },
);

/** A server that streams these events in answer to every request. */
async function rawModel(events: () => Iterable<object>, onClose: (bytes: number) => void = () => {}) {
  return listenOnLoopback(
    async (request, response) => {
      if (request.method !== 'POST') return void response.writeHead(404).end('{}');
      request.resume();
      let bytes = 0;
      response.on('close', () => onClose(bytes)).on('error', () => {});
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of events()) {
        const text = `event: ${(event as { type: string }).type}\ndata: ${JSON.stringify(event)}\n\n`;
        bytes += text.length;
        await new Promise<void>((resolve) => response.write(text, () => resolve()));
        if (response.closed) return;
      }
      response.end();
    },
    { access: 'anyone', name: 'raw model' },
  );
}

test.each([
  ['a message_start without usage', { type: 'message_start', message: { role: 'assistant', content: [] } }],
  ['a message_start without a message', { type: 'message_start' }],
  [
    'a message_start whose parts are of other kinds',
    { type: 'message_start', message: { model: 7, content: 'x', usage: 'y' } },
  ],
])('an answer with %s is an answer', async (_what, start) => {
  const input = { summary: 'Nothing to do.', title: '', body: '', wereChangesNecessary: false };
  const model = await rawModel(() => [
    start,
    {
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'tool_use', id: 'toolu_1', name: 'task_complete', input: {} },
    },
    {
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'input_json_delta', partial_json: JSON.stringify(input) },
    },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' } },
    { type: 'message_stop' },
  ]);
  try {
    const { outcome } = await stack.analyze(files, [], { environment: { ANTHROPIC_BASE_URL: model.url } });
    expect(outcome).toMatchObject({ outcome: 'unchanged', turns: 1, model: 'claude-sonnet-5-5' });
    expect(outcome.tokenUsage.input).toBeGreaterThan(1000);
  } finally {
    await model.close();
  }
});

/** Too deep for any recursive function, in a megabyte. */
const DEEP = `{"path":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;

test.each([
  ['a tool call that is nested without end', [DEEP]],
  [
    'a tool call of a key that changes what an object is',
    ['{"__proto__":{"path":"a.txt"},"constructor":{"prototype":{}}}'],
  ],
  [
    'a tool call that comes in a hundred thousand pieces',
    Array.from({ length: 100_000 }, (_, i) => (i === 0 ? '{"path":"' : 'x')),
  ],
])(
  'an answer with %s ends the repository by a name, and the worker writes its outcome',
  async (_what, pieces) => {
    const model = await rawModel(() => [
      { type: 'message_start', message: { model: 'claude-sonnet-5-5', content: [], usage: GOOD } },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'tool_use', id: 'toolu_1', name: 'read_file', input: {} },
      },
      ...pieces.map((partial_json) => ({
        ...{ type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json } },
      })),
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: GOOD },
      { type: 'message_stop' },
    ]);
    try {
      const { outcome } = await stack.analyze(files, [], {
        environment: { ANTHROPIC_BASE_URL: model.url },
        settings: { maxTurns: 3 },
      });
      expect(['failed', 'gaveUp']).toContain(outcome.outcome);
      expect(outcome.tokenUsage.input).toBeGreaterThanOrEqual(1000);
    } finally {
      await model.close();
    }
  },
);

test("an endless answer is stopped with an error, and the worker's memory stays bounded", async () => {
  let sent = 0;
  const model = await rawModel(
    function* () {
      yield { type: 'message_start', message: { model: 'claude-sonnet-5-5', content: [], usage: GOOD } };
      yield { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
      const text = 'never '.repeat(20_000);
      for (;;) yield { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } };
    },
    (bytes) => {
      sent = bytes;
    },
  );
  try {
    const { outcome } = await stack.analyze(files, [], { environment: { ANTHROPIC_BASE_URL: model.url } });
    expect(outcome).toMatchObject({
      outcome: 'failed',
      error: { name: 'ModelUnavailableError', message: expect.stringMatching(/longer than 64 MiB/) },
      tokenUsage: { input: 1000 },
    });
    expect(sent).toBeLessThan(100 * 1024 * 1024);
  } finally {
    await model.close();
  }
});

test('a conversation that a newer worker resumes continues without the thinking blocks of the older one', async () => {
  const name = 'acme/upgraded';
  await stack.createRepository(name, files);
  const jobId = await stack.createJob([name]);
  const thought = { type: 'thinking', thinking: 'One file is enough.' } as const;
  const edit = call('write_file', { path: 'b.txt', content: 'two\n' });
  const lost = await stack.startWorker(
    [jobId, name],
    [{ ...calls(thought, edit), usage: GOOD }, { stall: true }],
  );
  while (lost.model.requests.length < 2) await sleep(10);
  lost.child.kill('SIGKILL');
  await lost.finished;
  // The same worker sends the thought back, as the API wants it.
  expect(JSON.stringify(lost.model.requests[1]!.body.messages)).toContain('One file is enough');

  const bundle = stack.entry;
  stack.entry = await newerWorkerBundle(path.join(stack.folder, 'newer-bundle'));
  const { log, model } = await stack.work([jobId, name], [{ ...submit, usage: GOOD }]);
  stack.entry = bundle;
  expect(log).toContain('sent again without the thinking of earlier turns');
  expect(model.requests).toHaveLength(1);
  expect(JSON.stringify(model.requests[0]!.body.messages)).not.toContain('One file is enough');
  expect(await stack.outcome(jobId, name)).toMatchObject({
    outcome: 'changed',
    turns: 2,
    tokenUsage: { input: 2000 },
  });
});

test('a refused key stops the whole job with its reason, and a repository that comes later asks and clones nothing', async () => {
  const names = ['acme/key-1', 'acme/key-2'];
  for (const name of names) await stack.createRepository(name, files);
  const jobId = await stack.createJob(names);
  const refusal: Failure = { status: 401, type: 'authentication_error', message: 'invalid x-api-key' };
  await stack.work([jobId, names[0]!], [refusal]);
  expect(await stack.control.get(jobId)).toMatchObject({
    stoppedBy: 'modelRefused',
    stoppedBecause: expect.stringContaining('invalid x-api-key. Give CLAUDE_API_KEY'),
  });
  const { model, log } = await stack.work([jobId, names[1]!], [submit]);
  expect(model.requests).toHaveLength(0);
  expect(log).not.toContain('"cloned"');
  expect(await stack.outcome(jobId, names[1]!)).toMatchObject({
    outcome: 'failed',
    error: { name: 'JobStoppedError', message: expect.stringContaining('invalid x-api-key') },
  });
});

/** The service's answers to the check of the model before the first clone. */
async function askedOfModel(status: number, error: object) {
  let posts = 0;
  const model = await listenOnLoopback(
    (request, response) => {
      if (request.method === 'POST') posts += 1;
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ type: 'error', error }));
    },
    { access: 'anyone', name: 'model' },
  );
  try {
    const environment = { ANTHROPIC_BASE_URL: model.url, CLAUDE_PATIENCE_SECONDS: '0.2' };
    const analyzed = await stack.analyze(files, [], { environment });
    return { ...analyzed, posts, control: await stack.control.get(analyzed.jobId) };
  } finally {
    await model.close();
  }
}

test('a model that the service does not know is reported before the first clone, and the job is stopped', async () => {
  const { outcome, posts, log, control } = await askedOfModel(404, {
    type: 'not_found_error',
    message: 'model: claude-sonnet-5-5',
  });
  expect(posts).toBe(0);
  expect(log).not.toContain('"cloned"');
  expect(outcome.error).toMatchObject({
    name: 'ModelRequestError',
    message: expect.stringContaining('CLAUDE_MODEL'),
  });
  expect(control).toMatchObject({ stoppedBy: 'modelRefused', modelCheckedInRun: 1 });
});

test('an error unrelated to the key or the model does not stop a job', async () => {
  for (const [status, error] of [
    [404, { type: 'not_found_error', message: 'no such route' }],
    [529, { type: 'overloaded_error', message: 'busy' }],
  ] as const)
    expect((await askedOfModel(status, error)).posts).toBeGreaterThan(0);
});
