import type { CaughtError } from '../core/execution.ts';
import type { ErrorDescription } from '../core/job.ts';

/** Reads the error of a Lambda step: its Cause is a JSON string `{errorType, errorMessage, trace}`, or plain text. */
export function describeStepFailure({ Error: name, Cause: cause = '' }: CaughtError): ErrorDescription {
  try {
    const { errorType, errorMessage } = JSON.parse(cause) as { errorType?: unknown; errorMessage?: unknown };
    if (typeof errorMessage === 'string') {
      return { name: typeof errorType === 'string' ? errorType : name, message: errorMessage.slice(0, 2000) };
    }
  } catch {
    // Plain text, as Step Functions itself writes it.
  }
  return { name, message: cause.slice(0, 2000) || name };
}
