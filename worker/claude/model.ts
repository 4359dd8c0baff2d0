import { setTimeout as sleep } from 'node:timers/promises';
import type { Middleware } from '@anthropic-ai/sdk';
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import type {
  Message,
  MessageCreateParamsNonStreaming,
  MessageParam,
  OutputConfig,
  TextBlockParam,
  ToolUnion,
} from '@anthropic-ai/sdk/resources/messages';
import { ModelUnavailableError } from '../../core/errors.ts';
import type { JobSettings } from '../../core/job.ts';
import { modelIdAt } from '../../core/models.ts';
import type { Settings } from '../../core/settings.ts';
import { readReportedUsage, type TokenUsage } from '../../core/usage.ts';
import type { Log } from '../log.ts';
import { AnswerStream } from './answer-stream.ts';
import { ModelThrottledError } from './errors.ts';
import { type ModelClient, openModelClient, type ProviderSettings } from './model-client.ts';
import { refusalOf } from './model-refusal.ts';
import { withBreakpoints } from './prompt.ts';
import { boundResponses, ResponseTooLongError } from './response-bounds.ts';
import { RetryBudget } from './retry-budget.ts';
import {
  NO_LIMIT,
  type ServiceError,
  serviceErrorOf,
  serviceErrorOfResponse,
  typeOfNoStream,
} from './service-error.ts';
import { tokensOfBytes } from './tokens.ts';

/** More than the SDK ever makes: the retry budget and the repository's time limit end its retries. */
const MAX_RETRIES = 10_000;
/** Interrupted answers in a row. The SDK does not retry them, and each one is billed. */
const MAX_INTERRUPTED_ANSWERS = 3;
/** The same pauses as between the SDK's own retries. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 8000;
/**
 * The longest possible answer: 128,000 tokens of four bytes, each in an event of its own (140 bytes of JSON, twice as many
 * in a frame of Bedrock's).
 */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export type ModelOptions = {
  settings: ProviderSettings &
    Pick<Settings, 'CLAUDE_MAX_TOKENS' | 'CLAUDE_PATIENCE_SECONDS' | 'CLAUDE_IDLE_SECONDS'>;
  /** The model's name as the Messages API knows it. */
  model: string;
  /** @default - the model's own */
  effort?: JobSettings['effort'];
  system: TextBlockParam[];
  tools: ToolUnion[];
  /** The form of every answer. @default - text and tool calls */
  format?: OutputConfig['format'];
  log: Log;
  /** Called before each retry, and with undefined once the service answers again. */
  onWaiting?: (wait: ModelWait | undefined) => void;
};

/** A wait for the model's service. `times` counts the failed requests since an answer last began. */
export type ModelWait = { times: number; until: Date; throttled: boolean; reason: string };

/** Records the usage of an answer, complete or interrupted, before `ask` returns or throws. */
export type Spend = (model: string, usage: TokenUsage) => void;

export type AskOptions = {
  signal: AbortSignal;
  spend: Spend;
  /** Called when the answer begins. From then on other requests can read the prompt from the cache. */
  onBegun?: () => void;
  /** Whether the messages have their own cache breakpoints. @default false: the last two user messages get one */
  marked?: boolean;
};

/** The Messages API for one conversation: every request has the same model, system prompt and tools. */
export class Model {
  /** The model's name at its provider, which is also its name in the price table. */
  readonly name: string;
  readonly #client: Promise<ModelClient>;
  readonly #options: ModelOptions;
  readonly #retryBudget: RetryBudget;
  readonly #request: Omit<MessageCreateParamsNonStreaming, 'messages' | 'stream'>;
  /** Failures since the last complete answer that the SDK does not retry. */
  #failures = 0;
  /** Those of them that interrupted an answer, which is billed. */
  #interruptedAnswers = 0;
  /** Failed requests since an answer last began. */
  #waits = 0;
  /** Whether the service ever began an answer or sent an error of its own. Other answers may come from a wrong address. */
  #wasReached = false;
  /** The content type of the last response, if it was not a stream of events. */
  #otherType: string | undefined;

  private constructor(options: ModelOptions) {
    const { settings, model, effort, format, system, tools } = options;
    this.name = modelIdAt(settings.CLAUDE_PROVIDER, model);
    this.#options = options;
    this.#retryBudget = new RetryBudget(settings.CLAUDE_PATIENCE_SECONDS);
    const idleMs = Math.ceil(settings.CLAUDE_IDLE_SECONDS * 1000);
    this.#client = openModelClient(settings, {
      maxRetries: MAX_RETRIES,
      timeout: idleMs,
      middleware: [this.#watch, boundResponses({ idleMs, maxBytes: MAX_ANSWER_BYTES })],
      logLevel: 'off',
    });
    this.#request = {
      model: this.name,
      max_tokens: settings.CLAUDE_MAX_TOKENS,
      thinking: { type: 'adaptive' },
      ...((effort || format) && { output_config: { ...(effort && { effort }), ...(format && { format }) } }),
      system,
      ...(tools.length > 0 && { tools }),
    };
  }

  /** Throws SettingsError if a setting of the provider is missing. */
  static async open(options: ModelOptions): Promise<Model> {
    const model = new Model(options);
    await model.#client;
    return model;
  }

  get maxTokens(): number {
    return this.#request.max_tokens;
  }

  /** Bytes of the part of every request that precedes the messages. */
  get prefixBytes(): number {
    return Buffer.byteLength(JSON.stringify(this.#request));
  }

  /**
   * Returns one answer, or undefined if it was interrupted and can be requested again. Throws ModelRequestError if a retry
   * would not help, ContextExceededError, ModelThrottledError once the retry budget is used up, ModelUnavailableError if
   * the service was never reached, and the signal's reason.
   */
  async ask(messages: readonly MessageParam[], options: AskOptions): Promise<Message | undefined> {
    const { signal, spend, onBegun, marked } = options;
    const client = await this.#client;
    const answer = new AnswerStream(this.name, () => {
      this.#wasReached = true;
      this.#endWait();
      onBegun?.();
    });
    const spendAnswer = () => spend(this.#billedAs(answer), this.#usageOf(answer, messages));
    try {
      const events = await client.messages.create(
        { ...this.#request, messages: marked ? [...messages] : withBreakpoints(messages), stream: true },
        { signal: AbortSignal.any([signal, this.#retryBudget.exhausted]) },
      );
      const message = await MessageStream.fromReadableStream(answer.toLines(events)).finalMessage();
      spendAnswer();
      this.#retryBudget.recordAnswer();
      this.#failures = 0;
      this.#interruptedAnswers = 0;
      return message;
    } catch (error) {
      // A partial answer is billed for the tokens received.
      if (answer.hasBegun) spendAnswer();
      signal.throwIfAborted();
      if (!this.#retryBudget.exhaustedBy) this.#recordFailure(error, answer.hasBegun);
      const { exhaustedBy } = this.#retryBudget;
      if (exhaustedBy) throw this.#exhaustedError(exhaustedBy);
      await this.#pause(signal);
      return undefined;
    }
  }

  /** The model named in the answer. At Bedrock it is the requested one, since Bedrock has its own prices. */
  #billedAs({ model }: AnswerStream): string {
    return this.#options.settings.CLAUDE_PROVIDER === 'bedrock' ? this.name : model;
  }

  #usageOf(answer: AnswerStream, messages: readonly MessageParam[]): TokenUsage {
    const { usage, faults } = readReportedUsage(answer.usage, {
      prompt: tokensOfBytes(this.prefixBytes + Buffer.byteLength(JSON.stringify(messages))),
      output: tokensOfBytes(answer.length),
    });
    if (faults.length > 0)
      this.#options.log.warn(`The service reported impossible usage: ${faults.join('; ')}.`);
    return usage;
  }

  /** Sees every response and every failed request, including those that the SDK retries. */
  readonly #watch: Middleware = async (request, next, { options }) => {
    this.#otherType = undefined;
    try {
      const response = await next(request);
      this.#otherType = typeOfNoStream(response);
      const error = serviceErrorOfResponse(response);
      if (error) {
        this.#wasReached = true;
        this.#recordError(error);
      }
      return response;
    } catch (error) {
      if (options?.signal?.aborted) throw error;
      const message = connectionMessage(error, this.#options.settings.CLAUDE_IDLE_SECONDS);
      this.#recordError({ ...NO_LIMIT, message });
      throw error;
    }
  };

  /** Throws if a retry would not help. */
  #recordFailure(error: unknown, hadBegun: boolean): void {
    const tooLong = causeOf(error, ResponseTooLongError);
    if (tooLong) throw this.#tooLongError(tooLong);
    const serviceError = serviceErrorOf(error);
    if (!serviceError)
      throw refusalOf(error, { model: this.name, provider: this.#options.settings.CLAUDE_PROVIDER });
    this.#failures += 1;
    if (hadBegun) {
      this.#interruptedAnswers += 1;
      this.#options.log.warn(
        `An answer was interrupted; the tokens received are billed: ${serviceError.message}`,
      );
    }
    const { message } = serviceError;
    const received = this.#otherType && `${message}; it sent ${this.#otherType} in place of an event stream`;
    this.#recordError({ ...serviceError, message: received ?? message });
    if (this.#interruptedAnswers >= MAX_INTERRUPTED_ANSWERS || serviceError.isFinal)
      this.#retryBudget.exhaust();
  }

  #recordError(error: ServiceError): void {
    const isFirst = this.#retryBudget.recordError(error);
    this.#waits += 1;
    this.#options.onWaiting?.({
      times: this.#waits,
      until: new Date(Date.now() + (error.retryAfterMs ?? 0)),
      throttled: error.throttled,
      reason: error.message,
    });
    const seconds = this.#options.settings.CLAUDE_PATIENCE_SECONDS;
    if (isFirst)
      this.#options.log.warn(`Requests to the model are retried for at most ${seconds} s: ${error.message}`);
  }

  #endWait(): void {
    if (this.#waits === 0) return;
    this.#waits = 0;
    this.#options.onWaiting?.(undefined);
  }

  get #address(): string {
    const { settings } = this.#options;
    return settings.CLAUDE_PROVIDER === 'bedrock'
      ? `Amazon Bedrock in ${settings.AWS_REGION}`
      : (settings.ANTHROPIC_BASE_URL ?? 'the Anthropic API');
  }

  #tooLongError(cause: ResponseTooLongError): ModelUnavailableError {
    return new ModelUnavailableError(
      `The response of ${this.#address} is not a model's answer: ${cause.message}. Check that ANTHROPIC_BASE_URL is the address of the Messages API, then retry the job.`,
      { cause },
    );
  }

  #exhaustedError(lastError: ServiceError): Error {
    if (!lastError.isRateLimit) this.#options.log.measure({ values: { UnansweredRequests: 1 } });
    const unavailable = new ModelUnavailableError(
      `No complete answer came from ${this.#address} (${lastError.message}). Check that it is up and that workers can reach it, then retry the job.`,
    );
    // A service that never answered has more likely a wrong address than a temporary outage.
    if (!lastError.throttled && !this.#wasReached) return unavailable;
    return new ModelThrottledError(lastError, lastError.throttled ? undefined : unavailable);
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const ms = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    await sleep(Math.max(ms, this.#retryBudget.lastError?.retryAfterMs ?? 0), undefined, { signal });
  }
}

/** The SDK wraps the errors of a stream, once or several times. */
function causeOf<T extends Error>(error: unknown, kind: new (message: string) => T): T | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof kind) return cause;
  }
  return undefined;
}

function connectionMessage(error: unknown, idleSeconds: number): string {
  const { name, message, cause } = error as Error;
  if (name === 'AbortError') return `no answer for ${idleSeconds} s`;
  return cause instanceof Error ? cause.message : message;
}
