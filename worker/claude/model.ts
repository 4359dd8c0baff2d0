import { setTimeout as sleep } from 'node:timers/promises';
import type { Middleware } from '@anthropic-ai/sdk';
import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import type {
  Message,
  MessageCreateParamsNonStreaming,
  MessageParam,
  TextBlockParam,
  ToolUnion,
} from '@anthropic-ai/sdk/resources/messages';
import { ModelUnavailableError } from '../../core/errors.ts';
import type { JobSettings } from '../../core/job.ts';
import { modelIdAt } from '../../core/models.ts';
import type { Settings } from '../../core/settings.ts';
import { readReportedUsage, type TokenUsage } from '../../core/usage.ts';
import { tokensOfBytes } from '../conversation/budget.ts';
import { ConversationEnded, throttledEnding } from '../conversation/ending.ts';
import type { Log } from '../log.ts';
import { AnswerStream } from './answer-stream.ts';
import { type ModelClient, openModelClient, type ProviderSettings } from './model-client.ts';
import { refusalOf, troubleOf, troubleOfResponse } from './model-trouble.ts';
import { Patience, type Trouble } from './patience.ts';
import { withBreakpoints } from './prompt.ts';
import { boundResponses, ResponseTooLongError } from './response-bounds.ts';

/** Not what bounds the SDK's retries: patience does, and the repository's time limit. */
const MAX_RETRIES = 10_000;
/** Answers in a row that break off in their stream, which the SDK does not ask for again: each one is paid. */
const MAX_BROKEN_ANSWERS = 3;
/** As the SDK waits between its own retries. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/**
 * The longest answer there is, 128,000 tokens of four bytes, each in an event of its own (140 bytes of JSON, and twice as
 * much in a frame of Bedrock's).
 */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export type ModelOptions = {
  settings: ProviderSettings &
    Pick<Settings, 'CLAUDE_MAX_TOKENS' | 'CLAUDE_PATIENCE_SECONDS' | 'CLAUDE_IDLE_SECONDS'>;
  job: JobSettings;
  system: TextBlockParam[];
  tools: ToolUnion[];
  log: Log;
  /** Told whenever the worker has to wait for the service, and with nothing when it answers again. */
  onWaiting?: (waiting: ModelWait | undefined) => void;
};

/** A wait for the model's service: since an answer last began, how often it was asked in vain, and when it is asked again. */
export type ModelWait = { times: number; until: Date; limited: boolean; said: string };

/** Takes what an answer used, whole or broken off, before `ask` returns or throws. */
export type Spend = (model: string, usage: TokenUsage) => void;

export type AskOptions = {
  signal: AbortSignal;
  spend: Spend;
  /** Called once the service has begun to answer: from then on others can read what it cached. */
  onBegun?: () => void;
};

/** The Messages API for one job: the same model, system and tools in every request. */
export class Model {
  /** The model as the provider knows it, and as the price table does. */
  readonly name: string;
  readonly #client: Promise<ModelClient>;
  readonly #options: ModelOptions;
  readonly #patience: Patience;
  readonly #request: Omit<MessageCreateParamsNonStreaming, 'messages' | 'stream'>;
  /** Since the last whole answer: those that the SDK leaves to us, and those of them that were paid. */
  #failures = 0;
  #brokenAnswers = 0;
  /** Since an answer last began: how often the service was asked in vain. */
  #waits = 0;
  /** Whether the service has ever begun an answer or said why not: what answers otherwise may be anybody. */
  #wasReached = false;

  private constructor(options: ModelOptions) {
    const { settings, job, system, tools } = options;
    this.name = modelIdAt(settings.CLAUDE_PROVIDER, job.model);
    this.#options = options;
    this.#patience = new Patience(settings.CLAUDE_PATIENCE_SECONDS);
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
      ...(job.effort && { output_config: { effort: job.effort } }),
      system,
      tools,
    };
  }

  /** Throws SettingsError where the provider's settings do not suffice. */
  static async open(options: ModelOptions): Promise<Model> {
    const model = new Model(options);
    await model.#client;
    return model;
  }

  get maxTokens(): number {
    return this.#request.max_tokens;
  }

  /** Bytes of what every request has in front of its messages. */
  get prefixBytes(): number {
    return Buffer.byteLength(JSON.stringify(this.#request));
  }

  /**
   * One answer; undefined where it broke off and is to be asked for again. Throws ModelRequestError for what asking again
   * would not help, ConversationEnded where trouble stays or the context is full, and the signal's reason.
   */
  async ask(messages: readonly MessageParam[], options: AskOptions): Promise<Message | undefined> {
    const { signal, spend, onBegun } = options;
    const client = await this.#client;
    const answer = new AnswerStream(this.name, () => {
      this.#wasReached = true;
      this.#endWait();
      onBegun?.();
    });
    const spendAnswer = () => spend(this.#billedAs(answer), this.#usageOf(answer, messages));
    try {
      const events = await client.messages.create(
        { ...this.#request, messages: withBreakpoints(messages), stream: true },
        { signal: AbortSignal.any([signal, this.#patience.exhausted]) },
      );
      const message = await MessageStream.fromReadableStream(answer.toLines(events)).finalMessage();
      spendAnswer();
      this.#patience.renew();
      this.#failures = 0;
      this.#brokenAnswers = 0;
      return message;
    } catch (error) {
      // A stream that broke off was paid for as far as it came.
      if (answer.hasBegun) spendAnswer();
      signal.throwIfAborted();
      if (!this.#patience.exhausted.aborted) this.#judge(error, answer.hasBegun);
      if (this.#patience.exhausted.aborted) throw this.#giveUp();
      await this.#pause(signal);
      return undefined;
    }
  }

  /** As the model named itself; Bedrock's answers do too, but Bedrock has prices of its own. */
  #billedAs({ model }: AnswerStream): string {
    return this.#options.settings.CLAUDE_PROVIDER === 'bedrock' ? this.name : model;
  }

  #usageOf(answer: AnswerStream, messages: readonly MessageParam[]): TokenUsage {
    const { usage, faults } = readReportedUsage(answer.usage, {
      prompt: tokensOfBytes(this.prefixBytes + Buffer.byteLength(JSON.stringify(messages))),
      output: tokensOfBytes(answer.length),
    });
    if (faults.length > 0)
      this.#options.log.warn(`The service reported usage that cannot be: ${faults.join('; ')}.`);
    return usage;
  }

  /** Sees every response and every failure to get one, those included that the SDK asks again for. */
  readonly #watch: Middleware = async (request, next, { options }) => {
    try {
      const response = await next(request);
      const trouble = troubleOfResponse(response);
      if (trouble) {
        this.#wasReached = true;
        this.#meet(trouble);
      }
      return response;
    } catch (error) {
      if (options?.signal?.aborted) throw error;
      this.#meet({ limited: false, said: noAnswer(error, this.#options.settings.CLAUDE_IDLE_SECONDS) });
      throw error;
    }
  };

  /** Throws what asking again would not help. */
  #judge(error: unknown, wasBegun: boolean): void {
    const tooLong = causeOf(error, ResponseTooLongError);
    if (tooLong) throw this.#endless(tooLong);
    const trouble = troubleOf(error);
    if (!trouble) {
      const { settings, job } = this.#options;
      throw refusalOf(error, { model: this.name, provider: settings.CLAUDE_PROVIDER, job });
    }
    this.#failures += 1;
    if (wasBegun) {
      this.#brokenAnswers += 1;
      this.#options.log.warn(`An answer broke off and is paid as far as it came: ${trouble.said}`);
    }
    this.#meet(trouble);
    if (this.#brokenAnswers >= MAX_BROKEN_ANSWERS || trouble.isFinal) this.#patience.exhaust();
  }

  #meet(trouble: Trouble): void {
    const isFirst = this.#patience.meet(trouble);
    this.#waits += 1;
    const until = new Date(Date.now() + (trouble.retryAfterMs ?? 0));
    this.#options.onWaiting?.({ times: this.#waits, until, limited: trouble.limited, said: trouble.said });
    const seconds = this.#options.settings.CLAUDE_PATIENCE_SECONDS;
    if (isFirst)
      this.#options.log.warn(`The model is asked again, for at most ${seconds} s: ${trouble.said}`);
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

  #endless(cause: ResponseTooLongError): ModelUnavailableError {
    return new ModelUnavailableError(
      `${this.#address} sent no answer of a model: ${cause.message}, and it was cut off there. Check that ANTHROPIC_BASE_URL leads to the Messages API, then retry the job.`,
      { cause },
    );
  }

  #giveUp(): Error {
    const { limited, said } = this.#patience.trouble!;
    const unavailable = new ModelUnavailableError(
      `No whole answer came from ${this.#address} (${said}). Check that it is up and that workers reach it, then retry the job.`,
    );
    // What never answered at all is more likely a wrong address than an outage that passes.
    if (!limited && !this.#wasReached) return unavailable;
    return new ConversationEnded(throttledEnding(this.#patience.trouble!, limited ? undefined : unavailable));
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    await sleep(Math.max(ms, this.#patience.trouble?.retryAfterMs ?? 0), undefined, { signal });
  }
}

/** The SDK wraps what a stream threw, once or more. */
function causeOf<T extends Error>(error: unknown, kind: new (message: string) => T): T | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof kind) return cause;
  return undefined;
}

function noAnswer(error: unknown, idleSeconds: number): string {
  const { name, message, cause } = error as Error;
  if (name === 'AbortError') return `no answer for ${idleSeconds} s`;
  return cause instanceof Error ? cause.message : message;
}
