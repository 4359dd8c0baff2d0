import { THROTTLED } from '../aws-faults.ts';
import { CodyBatchError, type ErrorInit, sentence } from '../errors.ts';

/** An operation of AWS Batch, such as SubmitJob, or the service's own method where no call was made. */
export type BatchErrorInit = ErrorInit & { operation: string };

/** Every error of the Batch service. The message begins with the operation; `cause` is the error of the SDK. */
export abstract class BatchError extends CodyBatchError {
  readonly operation: string;

  constructor(what: string, { operation, ...init }: BatchErrorInit) {
    super(`${operation} failed: ${sentence(what)}`, init);
    this.operation = operation;
  }
}

/** The configuration is invalid, or the credentials, the region or the permissions do not allow the call. */
export class BatchConfigurationError extends BatchError {
  override readonly name = 'BatchConfigurationError';
}

/** The request of a job is invalid, or Batch refused it. No job was started, unless the message says so. */
export class BatchSubmissionError extends BatchError {
  override readonly name = 'BatchSubmissionError';
}

/** Batch does not know the job or the queue. It forgets jobs 7 days after they ended. */
export class BatchNotFoundError extends BatchError {
  override readonly name = 'BatchNotFoundError';
  override readonly statusCode = 404;
}

/** Batch refused every try because the account sends too many requests. */
export class BatchThrottledError extends BatchError {
  override readonly name = 'BatchThrottledError';
  override readonly retryable = true;
}

/** Batch failed or could not be reached in every try. */
export class BatchUnavailableError extends BatchError {
  override readonly name = 'BatchUnavailableError';
  override readonly retryable = true;
}

/** Batch refused a request other than SubmitJob. */
export class BatchRequestError extends BatchError {
  override readonly name = 'BatchRequestError';
}

/** The properties of an error of the AWS SDK. */
type SdkError = { name: string; message: string; $metadata?: { httpStatusCode?: number } };

const NOT_ALLOWED =
  /^(?:AccessDenied|UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch|ExpiredToken|MissingAuthenticationToken|IncompleteSignature|CredentialsProviderError|Forbidden)/;

/** The class of an error that a call of Batch met. */
export function batchError(operation: string, error: unknown): BatchError {
  const { name, message, $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode;
  const init = { operation, cause: error };
  if (THROTTLED.test(name) || status === 429)
    return new BatchThrottledError(`${sentence(`${name}: ${message}`)} Try again later`, init);
  if (NOT_ALLOWED.test(name) || status === 401 || status === 403 || /region is missing/i.test(message))
    return new BatchConfigurationError(
      `${sentence(`${name}: ${message}`)} Check the region and the credentials, and allow them batch:${operation}`,
      init,
    );
  if (status === undefined || status >= 500)
    return new BatchUnavailableError(
      `${sentence(`${name}: ${message}`)} Check the endpoint and try again`,
      init,
    );
  if (operation === 'SubmitJob')
    return new BatchSubmissionError(`${sentence(message)} No job was started; correct the request`, init);
  if (/not found|not exist/i.test(message)) return new BatchNotFoundError(message, init);
  return new BatchRequestError(`${name}: ${message}`, init);
}
