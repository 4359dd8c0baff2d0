import { z } from 'zod';
import type { TokenUsage } from './usage.ts';
import { roundUsd } from './usage.ts';

/** USD per million tokens, from the Claude API's price list of November 2026. Bedrock prices separately. */
type Prices = { input: number; output: number; cacheWrite: number; cacheWrite1h: number; cacheRead: number };

type ModelPrices = Prices & {
  /** Requests whose prompt is longer than `tokens` pay `prices` for all of their tokens. */
  longPrompt?: { tokens: number; prices: Prices };
};

const prices = (
  input: number,
  output: number,
  cacheWrite: number,
  cacheWrite1h: number,
  cacheRead: number,
): Prices => ({
  input,
  output,
  cacheWrite,
  cacheWrite1h,
  cacheRead,
});

const OPUS_4_5_AND_LATER = prices(5, 25, 6.25, 10, 0.5);
const SONNET_4_5_AND_4_6 = prices(3, 15, 3.75, 6, 0.3);

const PRICES: Readonly<Record<string, ModelPrices>> = {
  'claude-fable-5-2': prices(8, 40, 10, 16, 0.2),
  'claude-opus-5-5': prices(4, 20, 5, 8, 0.2),
  'claude-opus-5': OPUS_4_5_AND_LATER,
  'claude-opus-4-8': OPUS_4_5_AND_LATER,
  'claude-opus-4-7': OPUS_4_5_AND_LATER,
  'claude-opus-4-6': OPUS_4_5_AND_LATER,
  'claude-opus-4-5': OPUS_4_5_AND_LATER,
  'claude-sonnet-5-5': prices(2, 10, 2.5, 4, 0.1),
  'claude-sonnet-5': prices(2, 10, 2.5, 4, 0.2),
  'claude-sonnet-4-6': SONNET_4_5_AND_4_6,
  'claude-sonnet-4-5': SONNET_4_5_AND_4_6,
  'claude-haiku-5-5': {
    ...prices(0.1, 0.5, 0.125, 0.2, 0.01),
    longPrompt: { tokens: 100_000, prices: prices(0.5, 2.5, 0.625, 1, 0.05) },
  },
  'claude-haiku-4-5': prices(1, 5, 1.25, 2, 0.1),
};

/**
 * The provider's name of a model. On Amazon Bedrock a plain name means the global inference profile
 * (`global.anthropic.claude-sonnet-5-5`); the names of profiles and of Bedrock's models, and ARNs, stay as they are.
 */
export function modelIdAt(provider: 'anthropic' | 'bedrock', model: string): string {
  if (provider === 'anthropic' || model.includes('anthropic.') || model.startsWith('arn:')) return model;
  return `global.anthropic.${model}`;
}

/** The shortest prompt prefix that the API caches, in tokens (prompt caching guide, November 2026). */
const MINIMUM_CACHED_TOKENS: Readonly<Record<string, number>> = {
  'claude-opus-5-5': 512,
  'claude-opus-5': 512,
  'claude-sonnet-5-5': 512,
  'claude-haiku-5-5': 512,
  'claude-opus-4-8': 1024,
  'claude-sonnet-5': 1024,
  'claude-sonnet-4-6': 1024,
  'claude-sonnet-4-5': 1024,
  'claude-opus-4-7': 2048,
  'claude-opus-4-6': 4096,
  'claude-opus-4-5': 4096,
  'claude-haiku-4-5': 4096,
};

/** Returns undefined if it is not known for the model. */
export function minimumCachedTokens(model: string): number | undefined {
  return ofModel(MINIMUM_CACHED_TOKENS, model);
}

const Price = z.number().nonnegative().max(100_000);
/** The operator's prices, by a model's name in a job or at its provider. */
export const OwnPrices = z.record(
  z.string().min(1),
  z.strictObject({ input: Price, output: Price, cacheWrite: Price, cacheRead: Price }),
);
export type OwnPrices = z.infer<typeof OwnPrices>;

/** The operator's price, or else the Claude API's. A price of `claude-x` is also that of `global.anthropic.claude-x`. */
function pricesOf(model: string, own: OwnPrices): ModelPrices | undefined {
  const plain = model.replace(/^(?:[a-z-]+\.)?anthropic\./, '').replace(/-v\d+:\d+$/, '');
  const found = ofModel(own, model) ?? ofModel(own, plain);
  return found ? { ...found, cacheWrite1h: found.cacheWrite } : ofModel(PRICES, model);
}

/** Whether the operator has set the model's price. */
export function hasOwnPrice(model: string, own: OwnPrices): boolean {
  return pricesOf(model, own) !== ofModel(PRICES, model);
}

/** A dated snapshot (claude-haiku-4-5-20251001) costs what its alias does. */
function ofModel<T>(table: Readonly<Record<string, T>>, model: string): T | undefined {
  const name = Object.hasOwn(table, model) ? model : model.replace(/-\d{8}$/, '');
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

export function isPriced(model: string, own: OwnPrices = {}): boolean {
  return pricesOf(model, own) !== undefined;
}

/** The warning for a job whose model has no known price. */
export function unpricedNote(model: string): string {
  return `No price is known for ${model}: its cost is not counted, and neither maxCostUsd of the job nor that of a repository can be enforced. maxTurns and maxMinutes hold.`;
}

/** The cost of one request in USD. Returns undefined, and never zero, if the model's price is not known. */
export function costOfRequest(model: string, usage: TokenUsage, own: OwnPrices = {}): number | undefined {
  const known = pricesOf(model, own);
  if (!known) return undefined;
  const prompt = usage.input + usage.cacheCreation + usage.cacheRead;
  const rate = known.longPrompt && prompt > known.longPrompt.tokens ? known.longPrompt.prices : known;
  const millionths =
    usage.input * rate.input +
    usage.output * rate.output +
    usage.cacheCreation * rate.cacheWrite +
    usage.cacheRead * rate.cacheRead;
  return roundUsd(millionths / 1e6);
}

/**
 * The expected maximum cost of a request in USD, which a worker reserves before the call: the cached part of the prompt
 * is a cache read, the rest a cache write. Returns undefined if the price is not known.
 */
export function maxCostOfRequest(
  model: string,
  prompt: { tokens: number; cached: number },
  maxOutputTokens: number,
  own: OwnPrices = {},
): number | undefined {
  const cached = Math.min(prompt.cached, prompt.tokens);
  const usage = {
    input: 0,
    cacheCreation: prompt.tokens - cached,
    cacheRead: cached,
    output: maxOutputTokens,
    total: prompt.tokens + maxOutputTokens,
  };
  return costOfRequest(model, usage, own);
}
