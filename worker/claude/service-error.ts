import { AnthropicError, APIError } from '@anthropic-ai/sdk';

/** A temporary failure of the model's service: the same request may succeed later. */
export type ServiceError = {
  /** Whether the service limits the rate or is overloaded. False if it fails or cannot be reached. */
  throttled: boolean;
  /** Whether only the caller's rate is limited, and others are answered. */
  isRateLimit: boolean;
  /** The response received, for logs and summaries. */
  message: string;
  /** Milliseconds until the service accepts the next request. */
  retryAfterMs?: number;
  /** Whether the service asks clients not to retry for now. */
  isFinal?: boolean;
};

/** Of a service that fails or cannot be reached. */
export const NO_LIMIT = { throttled: false, isRateLimit: false } as const;

/** Errors within a stream have a type but no status. The last is Bedrock's, the others are the Messages API's. */
const RATE_LIMIT_TYPES = new Set(['rate_limit_error', 'throttlingException']);
const THROTTLED_TYPES = new Set([...RATE_LIMIT_TYPES, 'overloaded_error']);
const PERMANENT_TYPES = new Set([
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'not_found_error',
  'request_too_large',
  'validationException',
]);

/** Returns undefined for an answer, and for a refusal that a retry would not change. */
export function serviceErrorOfResponse({ status, headers }: Response): ServiceError | undefined {
  if (!isTemporary(status)) return undefined;
  return {
    ...limitOf(status),
    message: `HTTP ${status}`,
    retryAfterMs: retryAfterMs(headers),
  };
}

/** Returns undefined for a refusal that a retry would not change, and for errors that the SDK did not throw. */
export function serviceErrorOf(error: unknown): ServiceError | undefined {
  if (!(error instanceof AnthropicError)) return undefined;
  if (!(error instanceof APIError)) return { ...NO_LIMIT, message: deepestMessage(error) };
  const { status, type, headers } = error;
  if (status === undefined) {
    if (PERMANENT_TYPES.has(type ?? '')) return undefined;
    const message = type ? `${type}: ${messageOf(error)}` : deepestMessage(error);
    return {
      throttled: THROTTLED_TYPES.has(type ?? ''),
      isRateLimit: RATE_LIMIT_TYPES.has(type ?? ''),
      message,
    };
  }
  if (!isTemporary(status)) return undefined;
  return {
    ...limitOf(status),
    message: `HTTP ${status}: ${messageOf(error)}`,
    retryAfterMs: headers && retryAfterMs(headers),
    isFinal: headers?.get('x-should-retry') === 'false',
  };
}

/**
 * The content type of a successful response that is not a stream of events, such as the HTML of a proxy; undefined for a
 * stream, of which Bedrock has another type than the Messages API.
 */
export function typeOfNoStream({ ok, headers }: Response): string | undefined {
  const type = headers.get('content-type') ?? 'no content type';
  return ok && !type.includes('eventstream') && !type.includes('event-stream') ? type : undefined;
}

/** The Messages API's own message. Bedrock's errors have another form; for them it is the whole body. */
export function messageOf(error: APIError): string {
  return error.apiMessage || error.message;
}

/** Bedrock answers 424 if a model failed. The SDK itself retries the other statuses. */
function isTemporary(status: number): boolean {
  return status === 408 || status === 409 || status === 424 || status === 429 || status >= 500;
}

/** 529 is an overload of the service. */
function limitOf(status: number): Pick<ServiceError, 'throttled' | 'isRateLimit'> {
  return { throttled: status === 429 || status === 529, isRateLimit: status === 429 };
}

/** `retry-after` is a number of seconds or a date. */
function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  if (!value) return undefined;
  const ms = Number.isNaN(Number(value)) ? Date.parse(value) - Date.now() : Number(value) * 1000;
  return ms > 0 ? ms : undefined;
}

/** The SDK's own message is only "Connection error."; the reason is in the innermost cause. */
function deepestMessage(error: Error): string {
  let deepest = error;
  while (deepest.cause instanceof Error) deepest = deepest.cause;
  return deepest.message || (deepest as NodeJS.ErrnoException).code || error.message;
}
