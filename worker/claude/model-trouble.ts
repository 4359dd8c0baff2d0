import { AnthropicError, APIError } from '@anthropic-ai/sdk';
import { ModelRequestError, sentence } from '../../core/errors.ts';
import type { JobSettings } from '../../core/job.ts';
import type { Settings } from '../../core/settings.ts';
import { ConversationEnded, limitEnding } from '../conversation/ending.ts';
import type { Trouble } from './patience.ts';

type Provider = Settings['CLAUDE_PROVIDER'];

/** Errors in a stream that has begun carry a type and no status: the Messages API's, then Bedrock's. */
const LIMITED_TYPES = new Set(['rate_limit_error', 'overloaded_error', 'throttlingException']);
const PERMANENT_TYPES = new Set([
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'not_found_error',
  'request_too_large',
  'validationException',
]);

/**
 * The API refused a thought in the history: it is bound to what stood before it (system, tools, messages), to the model
 * and to the account, and one of them is another than when it was written.
 */
export class ThinkingRefusedError extends ModelRequestError {}

/** How the API words that, whichever block and whichever binding it means. */
const THINKING_REFUSED = /\bthinking`? blocks?\b|\bsignature\b/i;

/** What the API says of a prompt that does not fit: the Messages API's words, then Bedrock's. */
const TOO_LONG = /prompt is too long|exceed context limit|input is too long/i;

/** Undefined for a response that is an answer, or whose refusal asking again would not change. */
export function troubleOfResponse({ status, headers }: Response): Trouble | undefined {
  if (!passes(status)) return undefined;
  return { limited: isRateLimit(status), said: `HTTP ${status}`, retryAfterMs: retryAfterMs(headers) };
}

/** Of what the SDK threw. Undefined where asking again would not help, and for what is a bug of ours. */
export function troubleOf(error: unknown): Trouble | undefined {
  if (!(error instanceof AnthropicError)) return undefined;
  if (!(error instanceof APIError)) return { limited: false, said: deepestMessage(error) };
  const { status, type, headers } = error;
  if (status === undefined) {
    if (PERMANENT_TYPES.has(type ?? '')) return undefined;
    const said = type ? `${type}: ${reasonOf(error)}` : deepestMessage(error);
    return { limited: LIMITED_TYPES.has(type ?? ''), said };
  }
  if (!passes(status)) return undefined;
  const said = `HTTP ${status}: ${reasonOf(error)}`;
  return {
    limited: isRateLimit(status),
    said,
    retryAfterMs: headers && retryAfterMs(headers),
    isFinal: headers?.get('x-should-retry') === 'false',
  };
}

/** What to throw for an error that is no trouble: the end of the conversation, the request's fault, or the error. */
export function refusalOf(
  error: unknown,
  { model, provider, job }: { model: string; provider: Provider; job: JobSettings },
): unknown {
  if (!(error instanceof APIError)) return error;
  const { status } = error;
  const said = reasonOf(error);
  if (status === 413 || (status === 400 && TOO_LONG.test(said)))
    return new ConversationEnded(limitEnding('contextExceeded', job));
  const message = `${SERVICES[provider]} answered ${status ?? 'in its stream'} for model ${model}: ${sentence(said)} ${ADVICE[provider](status)}`;
  if ((status === 400 || status === undefined) && THINKING_REFUSED.test(said))
    return new ThinkingRefusedError(message, { cause: error });
  return new ModelRequestError(message, {
    cause: error,
    isForAll: status === 401 || status === 403 || status === 404,
  });
}

const SERVICES = { anthropic: 'The Messages API', bedrock: 'Amazon Bedrock' } as const;

const CHECK_SETTINGS = "Check the job's settings (model, effort) and CLAUDE_MAX_TOKENS.";

const ADVICE: Record<Provider, (status: number | undefined) => string> = {
  anthropic(status) {
    if (status === 401) return 'Give CLAUDE_API_KEY a valid key.';
    if (status === 402) return 'Settle the billing of the account that CLAUDE_API_KEY belongs to.';
    if (status === 403) return 'Give CLAUDE_API_KEY a key that may use this model.';
    if (status === 404)
      return 'Correct settings.model or CLAUDE_MODEL, or the address in ANTHROPIC_BASE_URL.';
    return CHECK_SETTINGS;
  },
  bedrock(status) {
    if (status === 403 || status === 401)
      return "Allow the task's role bedrock:InvokeModelWithResponseStream on this model, and request access to the model in the account.";
    if (status === 404)
      return 'Correct settings.model or CLAUDE_MODEL: a model or inference profile that Bedrock has in AWS_REGION.';
    return `${CHECK_SETTINGS} Bedrock knows models by the ID or ARN of an inference profile.`;
  },
};

/** 424 is Bedrock's for a model that failed. The rest is what the SDK asks again for. */
function passes(status: number): boolean {
  return status === 408 || status === 409 || status === 424 || status === 429 || status >= 500;
}

function isRateLimit(status: number): boolean {
  return status === 429 || status === 529;
}

/** `retry-after` is in seconds or a date. */
function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (!value) return undefined;
  const ms = Number.isNaN(Number(value)) ? Date.parse(value) - Date.now() : Number(value) * 1000;
  return ms > 0 ? ms : undefined;
}

/** The Messages API's words, or, as Bedrock words its errors otherwise, the whole body. */
function reasonOf(error: APIError): string {
  return error.apiMessage || error.message;
}

/** The SDK says "Connection error."; why stands in the cause of its cause. */
function deepestMessage(error: Error): string {
  let deepest = error;
  while (deepest.cause instanceof Error) deepest = deepest.cause;
  return deepest.message || (deepest as NodeJS.ErrnoException).code || error.message;
}
