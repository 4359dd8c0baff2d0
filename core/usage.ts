import { z } from 'zod';

/**
 * Tokens as the Messages API bills them. `input` counts only what was neither written to nor read from the cache;
 * `total` is the sum of the other four.
 */
export const TokenUsage = z.object({
  input: z.int().nonnegative(),
  output: z.int().nonnegative(),
  cacheCreation: z.int().nonnegative(),
  cacheRead: z.int().nonnegative(),
  total: z.int().nonnegative(),
});
export type TokenUsage = z.infer<typeof TokenUsage>;

export const NO_TOKENS: TokenUsage = { input: 0, output: 0, cacheCreation: 0, cacheRead: 0, total: 0 };

export function addTokens(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheCreation: a.cacheCreation + b.cacheCreation,
    cacheRead: a.cacheRead + b.cacheRead,
    total: a.total + b.total,
  };
}

/**
 * Adds costs in USD. A figure that is unknown on one side (a model without a known price) makes the sum unknown: a
 * partial sum would read as the whole bill.
 */
export function addCosts(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : roundUsd(a + b);
}

/** What was added between two sums of tokens. */
export function subtractTokens(after: TokenUsage, before: TokenUsage): TokenUsage {
  return {
    input: after.input - before.input,
    output: after.output - before.output,
    cacheCreation: after.cacheCreation - before.cacheCreation,
    cacheRead: after.cacheRead - before.cacheRead,
    total: after.total - before.total,
  };
}

/** What was added between two sums of costs; unknown where one of them is. */
export function subtractCosts(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : roundUsd(after - before);
}

/** Rounds to a millionth of a dollar, so that sums of many small calls print as they are. */
export function roundUsd(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}
