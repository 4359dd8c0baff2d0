/** The longest Cause that AWS keeps. */
const MAX_CAUSE_CHARACTERS = 32_768;

/**
 * A state's failure as Retry and Catch see it: `name` is the Error, `message` the Cause.
 * aws-local-stepfunctions lets `States.ALL` match every error unless `isRetryable` and `isCatchable` are false.
 */
export class StateError extends Error {
  override readonly name: string;
  readonly isRetryable: boolean;
  readonly isCatchable: boolean;

  constructor(name: string, cause: string, { terminal = false } = {}) {
    super(cause.slice(0, MAX_CAUSE_CHARACTERS));
    this.name = name;
    this.isRetryable = !terminal;
    this.isCatchable = !terminal;
  }
}

/** A mistake in the definition or its data that shows only in an execution. As on AWS, nothing catches it. */
export function runtimeError(cause: string): StateError {
  return new StateError('States.Runtime', cause, { terminal: true });
}

export function dataLimitExceeded(what: string, bytes: number, limit: number): StateError {
  return new StateError(
    'States.DataLimitExceeded',
    `${what} has ${bytes} bytes, more than the ${limit} that Step Functions accepts. Keep the data in an artifact and pass its key.`,
    { terminal: true },
  );
}

/** Ends the running states of a stopped execution. It is never recorded. */
export function executionStopped(): StateError {
  return new StateError('States.Aborted', 'The execution was stopped.', { terminal: true });
}

/** As on AWS, neither `States.ALL` nor their name catches these. */
const TERMINAL = ['States.Runtime', 'States.DataLimitExceeded'];

/** Turns the failure of a branch into the failure of its Parallel state. */
export function failureOf({
  error = 'States.Runtime',
  cause = '',
}: {
  error?: string | undefined;
  cause?: string | undefined;
}): StateError {
  return new StateError(error, cause, { terminal: TERMINAL.includes(error) });
}
