import { once } from 'node:events';
import http from 'node:http';
import Anthropic, { type APIError } from '@anthropic-ai/sdk';
import type { MessageCreateParamsNonStreaming } from '@anthropic-ai/sdk/resources/messages';
import { afterEach, expect, test } from '@jest/globals';
import type { Reply } from '../../../local/model/reply.ts';
import { type Script, type ScriptedModel, startScriptedModel } from '../../support/scripted-model.ts';

const started: ScriptedModel[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((model) => model.close()));
});

async function play(script: Script, timeout = 20_000): Promise<{ model: ScriptedModel; client: Anthropic }> {
  const model = await startScriptedModel(script);
  started.push(model);
  return { model, client: new Anthropic({ apiKey: 'any', baseURL: model.url, maxRetries: 0, timeout }) };
}

const hello: MessageCreateParamsNonStreaming = {
  model: 'claude-sonnet-5-5',
  max_tokens: 1000,
  messages: [{ role: 'user', content: 'Hello' }],
};

const greeting = { content: [{ type: 'text' as const, text: 'Hi.' }] };

test('a streamed turn with thinking, text and two parallel tool calls arrives completely', async () => {
  const text = 'Zuerst lese ich beide Dateien, dann ändere ich sie 🙂. '.repeat(5);
  const { client } = await play([
    {
      content: [
        { type: 'thinking', thinking: 'Two files are enough to know.', signature: 'c2ln' },
        { type: 'text', text },
        {
          type: 'tool_use',
          id: 'toolu_a',
          name: 'read_file',
          input: { path: 'ä/"quoted".ts', startLine: 1 },
        },
        { type: 'tool_use', id: 'toolu_b', name: 'list_files', input: {} },
      ],
      usage: { input_tokens: 11, output_tokens: 22, cache_read_input_tokens: 33 },
    },
  ]);
  const stream = client.messages.stream(hello);
  const pieces: string[] = [];
  stream.on('text', (piece) => pieces.push(piece));
  const message = await stream.finalMessage();

  expect(message.content).toMatchObject([
    { type: 'thinking', thinking: 'Two files are enough to know.', signature: 'c2ln' },
    { type: 'text', text },
    { type: 'tool_use', id: 'toolu_a', name: 'read_file', input: { path: 'ä/"quoted".ts', startLine: 1 } },
    { type: 'tool_use', id: 'toolu_b', name: 'list_files', input: {} },
  ]);
  expect(message.stop_reason).toBe('tool_use');
  expect(message.model).toBe('claude-sonnet-5-5');
  expect(message.usage).toMatchObject({ input_tokens: 11, output_tokens: 22, cache_read_input_tokens: 33 });
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.join('')).toBe(text);
});

test('without streaming, the same turn is one JSON message, and its request and headers are recorded', async () => {
  const { client, model } = await play((_request, n) => ({ content: [{ type: 'text', text: `Turn ${n}` }] }));
  await client.messages.create(hello);
  const message = await client.messages.create(hello);

  expect(message.content).toMatchObject([{ type: 'text', text: 'Turn 2' }]);
  expect(message.stop_reason).toBe('end_turn');
  expect(message.usage.input_tokens).toBeGreaterThan(0);
  expect(message.usage.output_tokens).toBeGreaterThan(0);
  expect(model.requests.map(({ body }) => body)).toEqual([hello, hello]);
  expect(model.requests[0]?.headers['anthropic-version']).toMatch(/^\d{4}-\d{2}-\d{2}$/);
});

const marked = { type: 'text', text: 'Hello', cache_control: { type: 'ephemeral' } };
const call = { type: 'tool_use', id: 'toolu_1', name: 'read_file', input: {} };
const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: '' };
const user = { role: 'user', content: 'Hello' };

test.each([
  ['temperature', { temperature: 0.2 }],
  ['top_p', { top_p: 0.9 }],
  ['top_k', { top_k: 5 }],
  ['max_tokens', { max_tokens: undefined }],
  ['max_tokens', { max_tokens: 128_001 }],
  ['thinking.budget_tokens', { thinking: { type: 'enabled', budget_tokens: 2048 } }],
  ['thinking.type', { thinking: { type: 'disabled' } }],
  ['tool_choice.type', { tool_choice: { type: 'any' } }],
  ['tool_choice.type', { tool_choice: { type: 'tool', name: 'read_file' } }],
  ['output_config.effort', { output_config: { effort: 'most' } }],
  ['thread', { thread: { id: 'thread_1' } }],
  ['tools.0.type', { tools: [{ type: 'web_search_20260318', name: 'web_search' }] }],
  ['messages.0.role', { messages: [{ role: 'assistant', content: 'Hello' }, user] }],
  ['messages.1.role', { messages: [user, { role: 'assistant', content: 'The answer is' }] }],
  ['messages.0.content.0.text', { messages: [{ role: 'user', content: ' ' }] }],
  [
    'messages.0.content.1.text',
    { messages: [{ role: 'user', content: [marked, { type: 'text', text: '' }] }] },
  ],
  ['messages.0.content', { messages: [{ role: 'user', content: [] }] }],
  ['system.0.text', { system: [{ type: 'text', text: '' }] }],
  ['messages.0.content.0.tool_use_id', { messages: [{ role: 'user', content: [result] }] }],
  ['messages.2', { messages: [user, { role: 'assistant', content: [call] }, user] }],
  [
    'messages.2.content.1',
    {
      messages: [
        user,
        { role: 'assistant', content: [call] },
        { role: 'user', content: [{ type: 'text', text: 'First words' }, result] },
      ],
    },
  ],
  ['cache_control', { messages: [{ role: 'user', content: Array(5).fill(marked) }] }],
  [
    'cache_control',
    {
      cache_control: { type: 'ephemeral' },
      messages: [{ role: 'user', content: [...Array(4).fill(marked), { type: 'text', text: 'Tail' }] }],
    },
  ],
])('an invalid request is refused with the path of its field: %s in %j', async (field, change) => {
  const { client, model } = await play([greeting]);
  const refused = client.messages.create({ ...hello, ...change } as MessageCreateParamsNonStreaming);

  await expect(refused).rejects.toBeInstanceOf(Anthropic.BadRequestError);
  await expect(refused).rejects.toMatchObject({
    type: 'invalid_request_error',
    error: {
      request_id: expect.stringMatching(/^req_/),
      error: { message: expect.stringContaining(`${field}: `) },
    },
  });
  expect(model.requests).toEqual([]);
});

test('valid requests are accepted: parallel tool results, returned thinking, four breakpoints, adaptive thinking', async () => {
  const { client } = await play([greeting]);
  const message = await client.messages.create({
    ...hello,
    system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
    thinking: { type: 'adaptive' },
    output_config: { effort: 'high' },
    tool_choice: { type: 'auto' },
    tools: [
      {
        name: 'read_file',
        input_schema: { type: 'object' },
        cache_control: { type: 'ephemeral', ttl: '1h' },
      },
    ],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'Go.', cache_control: { type: 'ephemeral' } }] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: '', signature: 'c2ln' },
          { type: 'tool_use', id: 'toolu_1', name: 'read_file', input: {} },
          { type: 'tool_use', id: 'toolu_2', name: 'read_file', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_2', content: [{ type: 'text', text: 'two' }] },
          { type: 'tool_result', tool_use_id: 'toolu_1', is_error: true, content: 'gone' },
          { type: 'text', text: 'Go on.' },
        ],
      },
    ],
    cache_control: { type: 'ephemeral' },
  });
  expect(message.content).toMatchObject([{ type: 'text', text: 'Hi.' }]);
});

test('a request without a key is answered with 401', async () => {
  const { model } = await play([greeting]);
  const response = await fetch(`${model.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
    body: JSON.stringify(hello),
  });
  expect(response.status).toBe(401);
  expect(await response.json()).toEqual({
    type: 'error',
    error: { type: 'authentication_error', message: expect.stringContaining('x-api-key') },
    request_id: response.headers.get('request-id'),
  });
});

test('a rate limit surfaces as the client’s error with its retry-after', async () => {
  const limited: Reply = {
    status: 429,
    type: 'rate_limit_error',
    message: 'Slow down',
    headers: { 'retry-after': '7' },
  };
  const { client } = await play([limited, limited]);
  for (const refused of [client.messages.create(hello), client.messages.stream(hello).finalMessage()]) {
    const error = (await refused.catch((reason: unknown) => reason)) as APIError;
    expect(error).toBeInstanceOf(Anthropic.RateLimitError);
    expect(error.headers?.get('retry-after')).toBe('7');
    expect(error.type).toBe('rate_limit_error');
  }
});

test.each([0, 1, 4, 6])(
  'a connection dropped after %d events is an error, never a shorter answer',
  async (dropAfterEvents) => {
    const { client } = await play([
      {
        afterEvents: dropAfterEvents,
        fault: 'drop',
        content: [{ type: 'text', text: 'A long answer. '.repeat(50) }],
      },
    ]);
    const stream = client.messages.stream(hello);
    const events: string[] = [];
    stream.on('streamEvent', (event) => events.push(event.type));

    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.AnthropicError);
    expect(events).not.toContain('message_stop');
    // The client ignores `ping`, which is the second event.
    expect(events).toHaveLength(dropAfterEvents > 1 ? dropAfterEvents - 1 : dropAfterEvents);
  },
);

test('a server that never answers leads to the client’s time-out', async () => {
  const { client } = await play([{ stall: true }], 150);
  await expect(client.messages.create(hello)).rejects.toBeInstanceOf(Anthropic.APIConnectionTimeoutError);
});

test('a script that is too short shows in the answer and in the recorded faults', async () => {
  const { client, model } = await play([greeting]);
  await client.messages.create(hello);
  await expect(client.messages.create(hello)).rejects.toBeInstanceOf(Anthropic.InternalServerError);
  expect(model.faults).toEqual(["request 2 came after the script's 1 replies"]);
});

test('a web page that reaches loopback by a foreign host name is refused', async () => {
  const { model } = await play([greeting]);
  const request = http.request(`${model.url}/v1/messages`, {
    method: 'POST',
    headers: { host: 'attacker.example', 'content-type': 'application/json', 'x-api-key': 'any' },
  });
  request.end(JSON.stringify(hello));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(403);
  expect(model.requests).toEqual([]);
});
