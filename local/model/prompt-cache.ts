import { createHash } from 'node:crypto';
import type {
  CacheControlEphemeral,
  ToolResultBlockParam,
  Usage,
} from '@anthropic-ai/sdk/resources/messages';
import { minimumCachedTokens } from '../../core/models.ts';
import { blocksOf, type MessageRequest } from './conversation.ts';

/** For unknown models, such as the offline one: the smallest minimum of the known ones. */
const LEAST_MINIMUM_TOKENS = 512;

/**
 * From a breakpoint, the API looks for an earlier write at up to 20 block ends, including its own
 * (caching guide).
 */
export const LOOKBACK_BLOCKS = 20;

/** English prose and code have about four bytes per token; exact counts need the model's tokenizer. */
const BYTES_PER_TOKEN = 4;

const TTL_MS = { '5m': 5 * 60_000, '1h': 60 * 60_000 };

/** The part of `usage` that the prompt decides, in tokens. */
export type InputUsage = Pick<
  Usage,
  'input_tokens' | 'cache_creation_input_tokens' | 'cache_read_input_tokens' | 'cache_creation'
>;

type PromptBlock = {
  /** The block's content and role: the same text under another role is another prompt. */
  bytes: string;
  /** Thinking blocks cannot have a breakpoint. */
  cacheable: boolean;
  cacheControl: CacheControlEphemeral | null | undefined;
};

/** The cache reads and writes of a request, as of its arrival. */
export type Admission = {
  usage: InputUsage;
  /** To be called when the answer begins; it puts the request's breakpoints into the cache. */
  answered(): void;
};

/** Estimates the tokens of a text or of a number of UTF-8 bytes. */
export function estimateTokens(textOrBytes: string | number): number {
  const bytes = typeof textOrBytes === 'number' ? textOrBytes : Buffer.byteLength(textOrBytes);
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

/**
 * The prompt's blocks in the cache's order: tools, system, messages. The top-level marker applies to the
 * last block.
 */
export function promptBlocks(request: MessageRequest): PromptBlock[] {
  const blocks = [
    ...(request.tools ?? []).map((tool) => promptBlock('tool', tool)),
    ...blocksOf(request.system ?? []).map((block) => promptBlock('system', block)),
    ...request.messages.flatMap(({ role, content }) =>
      blocksOf<Exclude<typeof content, string>[number]>(content).map((block) => promptBlock(role, block)),
    ),
  ];
  const tail = blocks.findLast((block) => block.cacheable);
  if (tail && request.cache_control) tail.cacheControl ??= request.cache_control;
  return blocks;
}

/** A cache marker is not part of the prefix, so moving the last marker keeps the prefix the same. */
function promptBlock(
  place: string,
  block: { type?: string | null; cache_control?: CacheControlEphemeral | null },
): PromptBlock {
  let cacheControl = block.cache_control;
  let rest: object = { ...block, cache_control: undefined };
  const { content } = block as ToolResultBlockParam;
  if (block.type === 'tool_result' && Array.isArray(content)) {
    cacheControl ??= content.findLast((part) => 'cache_control' in part && part.cache_control)?.cache_control;
    rest = { ...rest, content: content.map((part) => ({ ...part, cache_control: undefined })) };
  }
  return {
    bytes: JSON.stringify([place, rest]),
    cacheable: block.type !== 'thinking' && block.type !== 'redacted_thinking',
    cacheControl,
  };
}

/**
 * Splits a prompt into cache reads, cache writes and plain input, by the API's rules. A prefix up to a
 * breakpoint is read if the same bytes were written before and have not expired (after 5 minutes, or an
 * hour with `ttl: '1h'`; each read renews it); otherwise it is written. Blocks after the last breakpoint
 * are plain input. A prefix shorter than the model's minimum is never cached. A write can be read once
 * the answer to its request has begun.
 */
export class PromptCache {
  readonly #entries = new Map<string, { ttl: number; expiresAt: number }>();
  readonly #now: () => number;

  /** `now` in milliseconds since the epoch. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  admit(request: MessageRequest): Admission {
    this.#forgetExpired();
    const prefixes = prefixesOf(request);
    const minimum = minimumCachedTokens(request.model) ?? LEAST_MINIMUM_TOKENS;
    const breakpoints = prefixes
      .map(({ cacheControl, tokens, key }, index) => ({
        index,
        tokens,
        key,
        cacheControl,
        ttl: cacheControl?.ttl ?? '5m',
      }))
      .filter(({ cacheControl, tokens }) => cacheControl && tokens >= minimum);

    const hit = this.#longestHit(
      prefixes,
      breakpoints.map(({ index }) => index),
    );
    const read = hit === undefined ? 0 : prefixes[hit]!.tokens;
    const written = { '5m': 0, '1h': 0 };
    let covered = read;
    for (const { tokens, ttl } of breakpoints) {
      written[ttl] += Math.max(0, tokens - covered);
      covered = Math.max(covered, tokens);
    }

    if (hit !== undefined) this.#keep(prefixes[hit]!.key, this.#entries.get(prefixes[hit]!.key)!.ttl);
    return {
      usage: {
        input_tokens: (prefixes.at(-1)?.tokens ?? 0) - covered,
        cache_creation_input_tokens: written['5m'] + written['1h'],
        cache_read_input_tokens: read,
        cache_creation: {
          ephemeral_5m_input_tokens: written['5m'],
          ephemeral_1h_input_tokens: written['1h'],
        },
      },
      answered: () => {
        for (const { key, ttl } of breakpoints) this.#keep(key, TTL_MS[ttl]);
      },
    };
  }

  #longestHit(prefixes: readonly { key: string }[], breakpoints: readonly number[]): number | undefined {
    for (const breakpoint of breakpoints.toReversed()) {
      const last = Math.max(0, breakpoint - LOOKBACK_BLOCKS + 1);
      for (let index = breakpoint; index >= last; index--) {
        if (this.#entries.has(prefixes[index]!.key)) return index;
      }
    }
    return undefined;
  }

  #keep(key: string, ttl: number): void {
    this.#entries.set(key, { ttl, expiresAt: this.#now() + ttl });
  }

  #forgetExpired(): void {
    for (const [key, { expiresAt }] of this.#entries) {
      if (expiresAt <= this.#now()) this.#entries.delete(key);
    }
  }
}

/**
 * One prefix for each block end. The key starts with model, thinking, effort and the answer's format: a
 * change of these invalidates the cache.
 */
function prefixesOf(request: MessageRequest) {
  const { model, thinking, output_config } = request;
  let key = JSON.stringify([model, thinking, output_config?.effort, output_config?.format]);
  let bytes = 0;
  return promptBlocks(request).map((block) => {
    key = createHash('sha256').update(key).update(block.bytes).digest('base64');
    bytes += Buffer.byteLength(block.bytes);
    return { key, tokens: estimateTokens(bytes), cacheControl: block.cacheControl };
  });
}
