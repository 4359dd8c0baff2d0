import { setTimeout as sleep } from 'node:timers/promises';
import Anthropic, { AnthropicError, APIError, type Middleware } from '@anthropic-ai/sdk';
import type {
  Message,
  MessageCreateParamsNonStreaming,
  MessageParam,
  TextBlockParam,
  ToolUnion,
  Usage,
} from '@anthropic-ai/sdk/resources/messages';
import { ModelRequestError, SettingsError } from '../core/errors.ts';
import type { JobSettings } from '../core/job.ts';
import type { Settings } from '../core/settings.ts';
import type { TokenUsage } from '../core/usage.ts';
import { ConversationEnded, limitEnding } from './ending.ts';

/** The SDK waits 0.5, 1, 2, 4 and then 8 s, a quarter less at times: 20 retries are about two minutes. */
const MAX_RETRIES = 20;
/** Answers that break off in their stream are asked for again; the SDK retries only until a stream begins. */
const MAX_BROKEN_STREAMS = 3;

export type ModelOptions = {
  settings: Pick<
    Settings,
    'ANTHROPIC_BASE_URL' | 'CLAUDE_MAX_TOKENS' | 'CLAUDE_PATIENCE_SECONDS' | 'CLAUDE_PROVIDER' | 'secret'
  >;
  job: JobSettings;
  system: TextBlockParam[];
  tools: ToolUnion[];
};

/** Takes what an answer used, whole or broken off, before `ask` returns or throws. */
export type Spend = (model: string, usage: TokenUsage) => void;

/** The Messages API for one job: the same model, system and tools in every request. */
export class Model {
  readonly #client: Anthropic;
  readonly #job: JobSettings;
  readonly #patienceMs: number;
  readonly #request: Omit<MessageCreateParamsNonStreaming, 'messages' | 'stream'>;
  /** Since when every answer has been 429 or 529. */
  #limitedSince: number | undefined;

  private constructor(apiKey: string, { settings, job, system, tools }: ModelOptions) {
    this.#job = job;
    this.#patienceMs = settings.CLAUDE_PATIENCE_SECONDS * 1000;
    this.#client = new Anthropic({
      apiKey,
      baseURL: settings.ANTHROPIC_BASE_URL,
      maxRetries: MAX_RETRIES,
      middleware: [this.#losePatience],
      logLevel: 'off',
    });
    this.#request = {
      model: job.model,
      max_tokens: settings.CLAUDE_MAX_TOKENS,
      thinking: { type: 'adaptive' },
      ...(job.effort && { output_config: { effort: job.effort } }),
      system,
      tools,
      // Marks the last block, so that each request reads from the cache what the one before wrote.
      cache_control: { type: 'ephemeral' },
    };
  }

  static async open(options: ModelOptions): Promise<Model> {
    const { settings } = options;
    if (settings.CLAUDE_PROVIDER === 'bedrock')
      throw new SettingsError('CLAUDE_PROVIDER is bedrock, which is not supported yet; set anthropic.');
    const apiKey = await settings.secret('CLAUDE_API_KEY');
    if (!apiKey) throw new SettingsError('CLAUDE_API_KEY is not set; set it, or CLAUDE_API_KEY_SECRET_ID.');
    return new Model(apiKey, options);
  }

  get maxTokens(): number {
    return this.#request.max_tokens;
  }

  /** Bytes of what every request has in front of its messages. */
  get prefixBytes(): number {
    return Buffer.byteLength(JSON.stringify(this.#request));
  }

  /**
   * Throws ModelRequestError for what asking again would not help, ConversationEnded where rate limits stay or the
   * context is full, and the signal's reason.
   */
  async ask(messages: MessageParam[], signal: AbortSignal, spend: Spend): Promise<Message> {
    this.#limitedSince = undefined;
    for (let broken = 1; ; broken++) {
      const stream = this.#client.messages.stream({ ...this.#request, messages }, { signal });
      try {
        const message = await stream.finalMessage();
        spend(message.model, tokensOf(message.usage));
        return message;
      } catch (error) {
        // A stream that broke off was paid for as far as it came.
        const partial = stream.currentMessage;
        if (partial) spend(partial.model, tokensOf(partial.usage));
        signal.throwIfAborted();
        const translated = this.#translate(error);
        if (translated !== error || !partial || broken === MAX_BROKEN_STREAMS) throw translated;
        await sleep(1000 * broken, undefined, { signal });
      }
    }
  }

  /** Tells the SDK to give up on 429 and 529 once waiting on would pass the patience. */
  readonly #losePatience: Middleware = async (request, next) => {
    const response = await next(request);
    if (!isRateLimit(response.status)) {
      this.#limitedSince = undefined;
      return response;
    }
    this.#limitedSince ??= Date.now();
    const resumes = Date.now() + (retryAfterMs(response.headers) ?? 0);
    if (resumes - this.#limitedSince < this.#patienceMs) return response;
    const headers = new Headers(response.headers);
    headers.set('x-should-retry', 'false');
    return new Response(response.body, { status: response.status, headers });
  };

  #translate(error: unknown): unknown {
    if (!(error instanceof AnthropicError)) return error;
    if (!(error instanceof APIError) || error.status === undefined) return error;
    const { status } = error;
    if (isRateLimit(status)) return new ConversationEnded(throttled(error.headers));
    const said = error.apiMessage ?? '';
    if (status === 413 || (status === 400 && /prompt is too long/i.test(said)))
      return new ConversationEnded(limitEnding('contextExceeded', this.#job));
    if (status < 400 || status >= 500 || status === 408 || status === 409) return error;
    return new ModelRequestError(
      `The Messages API answered ${status} for model ${this.#job.model}: ${said || error.type || 'no reason given'} ${adviceFor(status)}`,
      { cause: error },
    );
  }
}

function isRateLimit(status: number): boolean {
  return status === 429 || status === 529;
}

function adviceFor(status: number): string {
  if (status === 401) return 'Give CLAUDE_API_KEY a valid key.';
  if (status === 402) return 'Settle the billing of the account that CLAUDE_API_KEY belongs to.';
  if (status === 403) return 'Give CLAUDE_API_KEY a key that may use this model.';
  if (status === 404) return 'Correct settings.model or CLAUDE_MODEL, or the address in ANTHROPIC_BASE_URL.';
  return "Check the job's settings (model, effort) and CLAUDE_MAX_TOKENS.";
}

/** Resumes at retry-after or in a minute, and up to half as much later, so that a fleet spreads itself. */
function throttled(headers: Headers | undefined) {
  const waitMs = (headers && retryAfterMs(headers)) ?? 60_000;
  const resumeAt = new Date(Date.now() + waitMs * (1 + Math.random() / 2)).toISOString();
  return {
    end: 'throttled',
    summary: `The model stayed rate-limited; work goes on at ${resumeAt}.`,
    resumeAt,
  } as const;
}

/** `retry-after` is in seconds or a date. */
function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (!value) return undefined;
  const ms = Number.isNaN(Number(value)) ? Date.parse(value) - Date.now() : Number(value) * 1000;
  return ms > 0 ? ms : undefined;
}

function tokensOf(usage: Usage): TokenUsage {
  const input = usage.input_tokens;
  const output = usage.output_tokens;
  const cacheCreation = usage.cache_creation_input_tokens ?? 0;
  const cacheRead = usage.cache_read_input_tokens ?? 0;
  return { input, output, cacheCreation, cacheRead, total: input + output + cacheCreation + cacheRead };
}
