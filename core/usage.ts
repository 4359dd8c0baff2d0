import { z } from 'zod';

/**
 * Tokens as the Messages API bills them. `input` has only the tokens that were neither written to nor read from the cache;
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

/**
 * Bounds of a worker's figures for one repository, which are not trusted: 1000 answers have at most 10 million tokens
 * each, and the sum of 10,000 repositories is an exact number.
 */
const MAX = { tokens: 1e11, costUsd: 1e6, count: 1e6 };
export const WorkerTokens = z.object({
  input: TokenUsage.shape.input.max(MAX.tokens),
  output: TokenUsage.shape.output.max(MAX.tokens),
  cacheCreation: TokenUsage.shape.cacheCreation.max(MAX.tokens),
  cacheRead: TokenUsage.shape.cacheRead.max(MAX.tokens),
  total: TokenUsage.shape.total.max(MAX.tokens),
});
export const WorkerCost = z.number().nonnegative().max(MAX.costUsd);
export const WorkerCount = z.int().nonnegative().max(MAX.count);

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
 * Adds costs in USD. Returns undefined if one is unknown (a model without a known price): a partial sum would look like
 * the whole bill.
 */
export function addCosts(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : roundUsd(a + b);
}

/** The difference between two sums of tokens. */
export function subtractTokens(after: TokenUsage, before: TokenUsage): TokenUsage {
  return {
    input: after.input - before.input,
    output: after.output - before.output,
    cacheCreation: after.cacheCreation - before.cacheCreation,
    cacheRead: after.cacheRead - before.cacheRead,
    total: after.total - before.total,
  };
}

/** The difference between two sums of costs. Returns undefined if one is unknown. */
export function subtractCosts(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : roundUsd(after - before);
}

/** Rounds to a millionth of a dollar, so that sums of many small calls have no rounding digits. */
export function roundUsd(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}

/** An answer's usage as reported by its provider, unchecked. */
export type ReportedUsage = {
  input_tokens?: unknown;
  output_tokens?: unknown;
  cache_creation_input_tokens?: unknown;
  cache_read_input_tokens?: unknown;
};

/** Ten times the largest context of the current models: a request cannot have used more. */
const MOST_TOKENS = 10_000_000;

/**
 * Reads a provider's usage. A count that is missing, negative or not a number becomes the estimate, because zero would
 * let the work pass every cap. A fraction is rounded up, and a count above 10 million becomes 10 million. `faults`
 * describes what was wrong, for the log.
 */
export function readReportedUsage(
  reported: ReportedUsage,
  estimate: { prompt: number; output: number },
): { usage: TokenUsage; faults: string[] } {
  const faults: string[] = [];
  const count = (name: keyof ReportedUsage, fallback: number): number => {
    const value = reported[name];
    const isCount = typeof value === 'number' && value >= 0;
    const counted = isCount ? Math.min(MOST_TOKENS, Math.ceil(value)) : Math.min(MOST_TOKENS, fallback);
    if (counted !== value) faults.push(`${name} is ${printed(value)}, counted as ${counted}`);
    return counted;
  };
  /** A provider without a cache omits these, or sends null. */
  const cached = (name: keyof ReportedUsage) => ((reported[name] ?? undefined) ? count(name, 0) : 0);
  const cacheCreation = cached('cache_creation_input_tokens');
  const cacheRead = cached('cache_read_input_tokens');
  const input = count('input_tokens', Math.max(0, estimate.prompt - cacheCreation - cacheRead));
  const output = count('output_tokens', estimate.output);
  return {
    usage: { input, output, cacheCreation, cacheRead, total: input + output + cacheCreation + cacheRead },
    faults,
  };
}

function printed(value: unknown): string {
  return value === undefined ? 'missing' : (JSON.stringify(value)?.slice(0, 40) ?? typeof value);
}
