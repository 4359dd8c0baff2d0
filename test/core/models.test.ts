import { expect, test } from '@jest/globals';
import { costOfRequest, isPriced } from '../../core/models.ts';
import { addCosts, type TokenUsage } from '../../core/usage.ts';

const usage = (input: number, output: number, cacheCreation = 0, cacheRead = 0): TokenUsage => ({
  input,
  output,
  cacheCreation,
  cacheRead,
  total: input + output + cacheCreation + cacheRead,
});

test.each([
  ['claude-sonnet-5-5', usage(1e6, 1e6), 12],
  ['claude-sonnet-5-5', usage(0, 0, 1e6, 1e6), 2.6],
  ['claude-opus-5-5', usage(1e6, 0, 0, 1e6), 4.2],
  ['claude-haiku-4-5-20251001', usage(1e6, 1e6), 6],
  // Haiku 5.5 costs five times as much for prompts of more than 100,000 tokens.
  ['claude-haiku-5-5', usage(100_000, 0), 0.01],
  ['claude-haiku-5-5', usage(100_001, 0), 0.050001],
])('%s bills %j', (model, tokens, usd) => {
  expect(costOfRequest(model, tokens)).toBe(usd);
});

test('a model without a known price has no cost, and makes a sum unknown instead of too small', () => {
  expect(costOfRequest('offline', usage(1000, 1000))).toBeUndefined();
  expect(addCosts(1, undefined)).toBeUndefined();
});

test("the operator's price wins, also under the provider's name of the model", () => {
  const own = { 'claude-sonnet-5-5': { input: 4, output: 20, cacheWrite: 5, cacheRead: 0.4 } };
  const asked = { input: 1e6, output: 1e6, cacheCreation: 1e6, cacheRead: 1e6, total: 4e6 };
  for (const name of [
    'claude-sonnet-5-5',
    'global.anthropic.claude-sonnet-5-5',
    'anthropic.claude-sonnet-5-5-v1:0',
  ])
    expect(costOfRequest(name, asked, own)).toBe(29.4);
  expect(isPriced('global.anthropic.claude-sonnet-5-5')).toBe(false);
  expect(costOfRequest('claude-haiku-4-5', asked, own)).toBe(costOfRequest('claude-haiku-4-5', asked));
  // A price of zero is a known price.
  const free = { 'my-own': { input: 0, output: 0, cacheWrite: 0, cacheRead: 0 } };
  expect(costOfRequest('my-own', asked, free)).toBe(0);
});
