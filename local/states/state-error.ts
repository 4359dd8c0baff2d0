/** Longest Cause that AWS keeps, in characters. */
const MAX_CAUSE_CHARACTERS = 32_768;

/**
 * A state's failure as Retry and Catch see it: `name` is the Error, `message` the Cause.
 * The engine lets `States.ALL` match everything, unless the error says of itself that it may not be matched.
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

/** A mistake in the definition or its data that only a run shows; nothing catches it, as on AWS. */
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

/** Ends what still runs in an execution that was stopped; it is never recorded. */
export function executionStopped(): StateError {
  return new StateError('States.Aborted', 'The execution was stopped.', { terminal: true });
}

/** Neither `States.ALL` nor their own name catches these, as on AWS. */
const TERMINAL = ['States.Runtime', 'States.DataLimitExceeded'];

/** What a branch failed with, as the failure of the state that the branch is of. */
export function failureOf({
  error = 'States.Runtime',
  cause = '',
}: {
  error?: string | undefined;
  cause?: string | undefined;
}): StateError {
  return new StateError(error, cause, { terminal: TERMINAL.includes(error) });
}
