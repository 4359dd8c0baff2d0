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

/**
 * What a worker says of one repository, which it may say wrongly: no work comes to more, the sums of 10,000 of them are exact
 * in a row, and nothing is taken off a bill. 1000 answers have 10 million tokens each at most.
 */
const MOST = { tokens: 1e11, costUsd: 1e6, count: 1e6 };
export const WorkerTokens = z.object({
  input: TokenUsage.shape.input.max(MOST.tokens),
  output: TokenUsage.shape.output.max(MOST.tokens),
  cacheCreation: TokenUsage.shape.cacheCreation.max(MOST.tokens),
  cacheRead: TokenUsage.shape.cacheRead.max(MOST.tokens),
  total: TokenUsage.shape.total.max(MOST.tokens),
});
export const WorkerCost = z.number().nonnegative().max(MOST.costUsd);
export const WorkerCount = z.int().nonnegative().max(MOST.count);

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

/** What a provider says that an answer used, before anybody has looked at it. */
export type ReportedUsage = {
  input_tokens?: unknown;
  output_tokens?: unknown;
  cache_creation_input_tokens?: unknown;
  cache_read_input_tokens?: unknown;
};

/** Ten times the largest context of the current models: a request cannot have used more. */
const MOST_TOKENS = 10_000_000;

/**
 * Reads a provider's report. A count that is missing, negative or not a number becomes the estimate, since counting
 * nothing would let the work pass every cap; a fraction is rounded up, and what no request can have used is cut at 10
 * million. `faults` says what was wrong, for the log.
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
    if (counted !== value) faults.push(`${name} is ${shown(value)}, counted as ${counted}`);
    return counted;
  };
  /** A provider without a cache leaves these out, or says null. */
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

function shown(value: unknown): string {
  return value === undefined ? 'missing' : (JSON.stringify(value)?.slice(0, 40) ?? typeof value);
}
