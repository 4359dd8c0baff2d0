import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Thread } from '../../../core/thread.ts';
import { listenOnLoopback } from '../../../local/access/loopback.ts';
import { toolExchanges } from '../../../local/model/conversation.ts';
import type { Failure, Fault, Reply } from '../../../local/model/reply.ts';
import { call, calls, Stack, submit } from '../../support/worker-stack.ts';

const files = { 'a.txt': 'one\n' };
const usage = { input_tokens: 1000, output_tokens: 100 };
const edit = { ...calls(call('write_file', { path: 'b.txt', content: 'two\n' })), usage };
const done = { ...submit, usage };

const failure = (status: number, type: Failure['type'], headers = {}): Failure => ({
  ...{ status, type, message: `the server says ${status}` },
  headers,
});
/** The edit, interrupted after its message_start, which reports 1,000 input tokens. */
const broken = (fault: Extract<Fault, { fault: unknown }>['fault']): Fault => ({
  ...{ afterEvents: 4, fault },
  ...edit,
});
const errorEvent = (type: string) => ({
  text: `event: error\ndata: ${JSON.stringify({ type: 'error', error: { type, message: 'said in the stream' } })}\n\n`,
});
const forGood = (reply: Reply) => Array.from({ length: 30 }, () => reply);

/** Users have a retry budget of two minutes and an idle limit of four. Cases that succeed have room for a busy machine. */
const SHORT = { CLAUDE_PATIENCE_SECONDS: '1', CLAUDE_IDLE_SECONDS: '20' };
// Long enough that a busy machine does not use it up; a case ends as soon as a call is answered.
const PATIENT = { CLAUDE_PATIENCE_SECONDS: '600', CLAUDE_IDLE_SECONDS: '20' };

type Case = {
  script: Reply[];
  outcome: object;
  /** Tokens that were billed as input: 1,000 for each answer that began. */
  input: number;
  requests?: number;
  patienceSeconds?: number;
  /** The idle limit, for cases in which the model stops sending. */
  idleSeconds?: number;
};

const passing: Record<string, Case> = {
  'a 429 with retry-after': {
    script: [edit, failure(429, 'rate_limit_error', { 'retry-after': '0.2' }), done],
    outcome: { outcome: 'changed' },
    input: 2000,
  },
  'a 429 without retry-after': {
    script: [failure(429, 'rate_limit_error'), edit, done],
    outcome: { outcome: 'changed' },
    input: 2000,
  },
  'a 529': {
    script: [failure(529, 'overloaded_error'), edit, done],
    outcome: { outcome: 'changed' },
    input: 2000,
  },
  'a 500': {
    script: [edit, failure(500, 'api_error'), done],
    outcome: { outcome: 'changed' },
    input: 2000,
  },
  'a connection that drops in the middle of an answer': {
    script: [broken('drop'), edit, done],
    outcome: { outcome: 'changed' },
    input: 3000,
  },
  'an answer without its last event': {
    script: [broken('end'), edit, done],
    outcome: { outcome: 'changed' },
    input: 3000,
  },
  'a stream that stalls': {
    script: [edit, { ...broken('stall'), ...done }, done],
    outcome: { outcome: 'changed' },
    input: 3000,
    idleSeconds: 2,
  },
  'a call that is never answered': {
    script: [{ stall: true }, edit, done],
    outcome: { outcome: 'changed' },
    input: 2000,
    idleSeconds: 2,
  },
  'a stream that is not JSON': {
    script: [broken({ text: 'event: content_block_delta\ndata: {"type": "content_\n\n' }), edit, done],
    outcome: { outcome: 'changed' },
    input: 3000,
  },
  'an overload within the stream': {
    script: [edit, broken(errorEvent('overloaded_error')), done],
    outcome: { outcome: 'changed' },
    input: 3000,
  },
};

const staying: Record<string, Case> = {
  'a 429 for longer than the retry budget': {
    script: [edit, failure(429, 'rate_limit_error', { 'retry-after': '60' })],
    outcome: { outcome: 'throttled', end: 'throttled', summary: expect.stringContaining('HTTP 429') },
    input: 1000,
  },
  'a 529 for longer than the retry budget': {
    script: [edit, ...forGood(failure(529, 'overloaded_error'))],
    outcome: { outcome: 'throttled', end: 'throttled', summary: expect.stringContaining('HTTP 529') },
    input: 1000,
  },
  'a 500 for longer than the retry budget': {
    script: [edit, ...forGood(failure(500, 'api_error'))],
    outcome: { outcome: 'throttled', error: { name: 'ModelUnavailableError' } },
    input: 1000,
  },
  'answers that are always interrupted': {
    script: [edit, ...forGood(broken('drop'))],
    outcome: { outcome: 'throttled', error: { name: 'ModelUnavailableError' } },
    input: 4000,
    requests: 4,
    // The retry budget is not the limit here.
    patienceSeconds: 60,
  },
  'a 401': {
    script: [edit, failure(401, 'authentication_error')],
    outcome: {
      outcome: 'failed',
      error: { name: 'ModelRequestError', message: expect.stringContaining('CLAUDE_API_KEY') },
    },
    input: 1000,
    requests: 2,
  },
  'a 400 for a setting': {
    script: [failure(400, 'invalid_request_error')],
    outcome: {
      outcome: 'failed',
      error: { name: 'ModelRequestError', message: expect.stringContaining('the server says 400') },
    },
    input: 0,
    requests: 1,
  },
  'a 400 for the context': {
    script: [
      edit,
      {
        ...failure(400, 'invalid_request_error'),
        message: 'prompt is too long: 1000001 tokens > 1000000 maximum',
      },
    ],
    outcome: { outcome: 'gaveUp', end: 'contextExceeded' },
    input: 1000,
    requests: 2,
  },
};

const cases = { ...passing, ...staying };
let stack: Stack;
const ran = new Map<string, Promise<Awaited<ReturnType<Stack['analyze']>>>>();

beforeAll(async () => {
  stack = await Stack.start();
  // The cases mostly wait, so they run at once.
  for (const [name, { script, patienceSeconds, idleSeconds }] of Object.entries(cases)) {
    const environment = {
      ...(name in passing ? PATIENT : SHORT),
      ...(patienceSeconds && { CLAUDE_PATIENCE_SECONDS: String(patienceSeconds) }),
      ...(idleSeconds && { CLAUDE_IDLE_SECONDS: String(idleSeconds) }),
    };
    ran.set(name, stack.analyze(files, script, { environment }));
  }
  await Promise.allSettled(ran.values());
});
afterAll(() => stack.close());

test.each(Object.keys(cases))('%s ends with its name, and what was paid is in the outcome', async (name) => {
  const expected = cases[name]!;
  const { outcome, model } = await ran.get(name)!;
  expect(outcome).toMatchObject(expected.outcome);
  expect(outcome.tokenUsage.input).toBe(expected.input);
  expect(outcome.costUsd).toBeGreaterThanOrEqual(expected.input * 2e-6);
  if (expected.requests) expect(model.requests).toHaveLength(expected.requests);
  else expect(model.faults).toEqual([]);
  const thread = Thread.parse(
    JSON.parse((await stack.artifacts.read(outcome.artifacts.thread!))!.toString()),
  );
  expect(thread.turns).toHaveLength(outcome.turns);
});

test('a model that cannot be reached at all fails with its address, and does not end as throttled', async () => {
  const { outcome } = await stack.analyze(files, [], {
    environment: { ...SHORT, ANTHROPIC_BASE_URL: 'http://127.0.0.1:9' },
  });
  expect(outcome).toMatchObject({ outcome: 'failed', costUsd: 0, error: { name: 'ModelUnavailableError' } });
  expect(outcome.error!.message).toMatch(/http:\/\/127\.0\.0\.1:9 .*(?:ECONNREFUSED|bad port)/);
});

test('an address of another server fails as one without a model', async () => {
  const somebody = await listenOnLoopback(
    (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>'),
    { access: 'anyone', name: 'somebody' },
  );
  try {
    const environment = { ...SHORT, ANTHROPIC_BASE_URL: somebody.url };
    const { outcome } = await stack.analyze(files, [], { environment });
    expect(outcome).toMatchObject({ outcome: 'failed', error: { name: 'ModelUnavailableError' } });
    expect(outcome.error!.message).toContain(somebody.url);
    expect(outcome.error!.message).toContain('it sent text/html in place of an event stream');
  } finally {
    await somebody.close();
  }
});

test('faults of a turn are returned to the model: unknown tool, wrong input, one file twice', async () => {
  const twice = calls(
    call('rename_file', { from: 'a.txt' }),
    call('edit_file', { path: 'a.txt', oldText: 7 }),
    call('edit_file', { path: 'a.txt', oldText: 'one', newText: 'two' }),
    call('edit_file', { path: 'a.txt', oldText: 'two', newText: 'three' }),
    call('read_file', { path: 'a.txt' }),
  );
  const { outcome, model } = await stack.analyze(files, [twice, done]);
  const [unknown, wrong, first, second, read] = toolExchanges(model.requests[1]!.body);
  expect(unknown).toMatchObject({ isError: true, result: expect.stringContaining('no tool rename_file') });
  expect(wrong).toMatchObject({ isError: true, result: expect.stringContaining('oldText') });
  expect([first!.isError, second!.isError]).toEqual([false, false]);
  expect(read!.result).toContain('1\tthree');
  expect(outcome).toMatchObject({ outcome: 'changed', turns: 2 });
});
