import Anthropic from '@anthropic-ai/sdk';
import type { MessageParam, Usage } from '@anthropic-ai/sdk/resources/messages';
import { expect, test } from '@jest/globals';
import type { MessageRequest } from '../../../local/model/conversation.ts';
import { type InputUsage, PromptCache } from '../../../local/model/prompt-cache.ts';
import type { Reply } from '../../../local/model/reply.ts';
import { startScriptedModel } from '../../support/scripted-model.ts';

/** About 1,000 tokens at four bytes each. */
const LONG = 'Read the whole file before you change it. '.repeat(96);

const ephemeral = { type: 'ephemeral' } as const;

function fleetRequest(repository: string, system = LONG): MessageRequest {
  return {
    model: 'claude-sonnet-5-5',
    max_tokens: 1000,
    system: [{ type: 'text', text: system, cache_control: ephemeral }],
    messages: [{ role: 'user', content: repository }],
  };
}

/** Answers at once. */
function admit(cache: PromptCache, request: MessageRequest): InputUsage {
  const { usage, answered } = cache.admit(request);
  answered();
  return usage;
}

function total(
  usage: Pick<Usage, 'input_tokens' | 'cache_creation_input_tokens' | 'cache_read_input_tokens'>,
) {
  return usage.input_tokens + usage.cache_creation_input_tokens! + usage.cache_read_input_tokens!;
}

test('the second repository of a job reads the shared prefix that the first one wrote', async () => {
  const model = await startScriptedModel(() => ({ content: [{ type: 'text', text: 'Done.' }] }));
  const client = new Anthropic({ apiKey: 'any', baseURL: model.url, maxRetries: 0 });
  try {
    const { usage: first } = await client.messages.stream(fleetRequest('owner/one')).finalMessage();
    const { usage: second } = await client.messages.stream(fleetRequest('owner/two')).finalMessage();
    expect(first.cache_creation_input_tokens).toBeGreaterThan(512);
    expect(first.cache_read_input_tokens).toBe(0);
    expect(second.cache_read_input_tokens).toBe(first.cache_creation_input_tokens);
    expect(second.cache_creation_input_tokens).toBe(0);
    expect(second.input_tokens).toBe(first.input_tokens);
    expect(second.input_tokens).toBeLessThan(50);
  } finally {
    await model.close();
  }
});

test('a failed call caches nothing', async () => {
  const overloaded: Reply = { status: 529, type: 'overloaded_error', message: 'Overloaded' };
  const model = await startScriptedModel([overloaded, { content: [{ type: 'text', text: 'Done.' }] }]);
  const client = new Anthropic({ apiKey: 'any', baseURL: model.url, maxRetries: 0 });
  try {
    const request = { ...fleetRequest('owner/one'), stream: false } as const;
    await expect(client.messages.create(request)).rejects.toBeInstanceOf(Anthropic.OverloadedError);
    const { usage } = await client.messages.create(request);
    expect(usage.cache_read_input_tokens).toBe(0);
  } finally {
    await model.close();
  }
});

test('a prefix expires five minutes after its last use, or an hour if the breakpoint has that ttl', () => {
  let now = 0;
  const cache = new PromptCache(() => now);
  const minutes = (count: number) => count * 60_000;
  const lasting: MessageRequest = {
    ...fleetRequest('owner/one'),
    system: [{ type: 'text', text: `${LONG}!`, cache_control: { type: 'ephemeral', ttl: '1h' } }],
  };
  const written = admit(cache, fleetRequest('owner/one')).cache_creation_input_tokens;
  expect(admit(cache, lasting).cache_creation).toMatchObject({ ephemeral_5m_input_tokens: 0 });
  now = minutes(4);
  expect(admit(cache, fleetRequest('owner/two')).cache_read_input_tokens).toBe(written);
  now = minutes(8);
  expect(admit(cache, fleetRequest('owner/three')).cache_read_input_tokens).toBe(written);
  now = minutes(13);
  expect(admit(cache, fleetRequest('owner/four'))).toMatchObject({
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: written,
  });
  expect(admit(cache, lasting).cache_read_input_tokens).toBeGreaterThan(0);
});

test('each turn of a conversation reads the previous turn from the cache and writes only its own blocks', () => {
  const cache = new PromptCache();
  const messages: MessageParam[] = [{ role: 'user', content: LONG }];
  const request = (): MessageRequest => ({
    model: 'claude-sonnet-5-5',
    max_tokens: 1000,
    messages,
    cache_control: ephemeral,
  });
  let before = admit(cache, request());
  for (const turn of [1, 2, 3]) {
    messages.push(
      { role: 'assistant', content: `Turn ${turn}` },
      { role: 'user', content: `Go on, ${turn}` },
    );
    const usage = admit(cache, request());
    expect(usage.cache_read_input_tokens).toBe(total(before));
    expect(usage.cache_creation_input_tokens).toBe(total(usage) - total(before));
    expect(usage.input_tokens).toBe(0);
    before = usage;
  }
});

test('with over 20 blocks in one turn, only the static breakpoint is read', () => {
  const cache = new PromptCache();
  const request = (content: MessageParam['content']): MessageRequest => ({
    ...fleetRequest('owner/one'),
    messages: [{ role: 'user', content }],
    cache_control: ephemeral,
  });
  const block = (index: number) => ({ type: 'text' as const, text: `Block ${index} ${'x'.repeat(400)}` });
  const system = admit(cache, fleetRequest('owner/one')).cache_creation_input_tokens;
  const short = admit(cache, request([0, 1].map(block)));
  const near = admit(cache, request(Array.from({ length: 21 }, (_, index) => block(index))));
  const far = admit(cache, request(Array.from({ length: 42 }, (_, index) => block(index))));
  expect(near.cache_read_input_tokens).toBe(total(short));
  expect(far.cache_read_input_tokens).toBe(system);
});

test('another tool, system prompt or effort invalidates the prefix, another tail does not', () => {
  const cache = new PromptCache();
  const base = fleetRequest('owner/one');
  admit(cache, base);
  const tools = [{ name: 'read_file', input_schema: { type: 'object' as const } }];
  expect(admit(cache, { ...base, tools }).cache_read_input_tokens).toBe(0);
  expect(admit(cache, { ...base, output_config: { effort: 'low' } }).cache_read_input_tokens).toBe(0);
  expect(admit(cache, fleetRequest('owner/one', `${LONG}.`)).cache_read_input_tokens).toBe(0);
  expect(admit(cache, fleetRequest('owner/other')).cache_read_input_tokens).toBeGreaterThan(0);
});

test.each([
  ['claude-sonnet-5-5', 512],
  ['claude-sonnet-5', 1024],
  ['claude-opus-4-7', 2048],
  ['claude-haiku-4-5-20251001', 4096],
])('%s never caches a prefix under %i tokens', (model, minimum) => {
  const cache = new PromptCache();
  const short = { ...fleetRequest('owner/one', 'x'.repeat(4 * minimum - 100)), model };
  const long = { ...fleetRequest('owner/one', 'x'.repeat(4 * minimum)), model };
  expect(admit(cache, short)).toMatchObject({ cache_creation_input_tokens: 0 });
  expect(admit(cache, short)).toMatchObject({ cache_read_input_tokens: 0, cache_creation_input_tokens: 0 });
  expect(admit(cache, long).cache_creation_input_tokens).toBeGreaterThanOrEqual(minimum);
  expect(admit(cache, long).cache_read_input_tokens).toBeGreaterThanOrEqual(minimum);
});

test('a write cannot be read before the answer to its request has begun', () => {
  const cache = new PromptCache();
  const first = cache.admit(fleetRequest('owner/one'));
  const beside = cache.admit(fleetRequest('owner/two'));
  first.answered();
  const after = cache.admit(fleetRequest('owner/three'));
  expect(beside.usage).toMatchObject({
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: first.usage.cache_creation_input_tokens,
  });
  expect(after.usage.cache_read_input_tokens).toBe(first.usage.cache_creation_input_tokens);
});
