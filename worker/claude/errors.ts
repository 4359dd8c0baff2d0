import { ModelRequestError, type ModelUnavailableError } from '../../core/errors.ts';
import type { ServiceError } from './service-error.ts';

// Apart from the code that throws them, which loads the SDK.

/**
 * The API refused a thinking block of the history. Each is bound to the content before it (system, tools, messages), the
 * model and the account; one of them has changed since it was written.
 */
export class ThinkingRefusedError extends ModelRequestError {}

/** The conversation no longer fits the model's context. */
export class ContextExceededError extends Error {
  override readonly name = 'ContextExceededError';
}

/** The service gave no complete answer within the retry budget. */
export class ModelThrottledError extends Error {
  override readonly name = 'ModelThrottledError';
  readonly lastError: ServiceError;

  /** `cause` is set if the service failed, and not set if it limited the rate. */
  constructor(lastError: ServiceError, cause: ModelUnavailableError | undefined) {
    super(lastError.message, { cause });
    this.lastError = lastError;
  }
}
