/**
 * The product's errors. Each sets `name` to a literal, because Step Functions matches errors by name and bundlers
 * rename classes. A message has what was received, what was expected and what to do next, and no secret.
 */
export type ErrorInit = ErrorOptions & {
  /** The path of the invalid input, such as `settings.model`. */
  field?: string;
  /** The value received, shortened and without secrets. */
  received?: unknown;
  /** A description of what is accepted. */
  expected?: string;
};

export abstract class CodyBatchError extends Error {
  abstract override readonly name: string;
  /** Whether the same call can succeed later without a change. */
  readonly retryable: boolean = false;
  /** The HTTP status that the API answers with. */
  readonly statusCode: number = 500;
  readonly field: string | undefined;
  readonly received: unknown;
  readonly expected: string | undefined;

  constructor(message: string, init: ErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.field = init.field;
    this.received = init.received;
    this.expected = init.expected;
  }
}

/** The caller's input does not fit the contract: 400. */
export class InvalidInputError extends CodyBatchError {
  override readonly name = 'InvalidInputError';
  override readonly statusCode: number = 400;
}

/** The named job, repository or artifact does not exist: 404. */
export class NotFoundError extends CodyBatchError {
  override readonly name = 'NotFoundError';
  override readonly statusCode = 404;
}

/** The request does not fit the job's state: 409. */
export class ConflictError extends CodyBatchError {
  override readonly name = 'ConflictError';
  override readonly statusCode = 409;
}

/** A decision is about changes that are no longer those that the reviewer saw: 409. */
export class OutdatedReviewError extends CodyBatchError {
  override readonly name = 'OutdatedReviewError';
  override readonly statusCode = 409;
}

/** DynamoDB processed nothing of a batch in all retries; the caller may try again. */
export class ThrottledTableError extends CodyBatchError {
  override readonly name = 'ThrottledTableError';
  override readonly retryable = true;
}

/** A setting of the environment is missing or does not parse; nothing was started. */
export class SettingsError extends CodyBatchError {
  override readonly name = 'SettingsError';
}

/** The arguments of a command line are wrong: exit status 2. */
export class UsageError extends CodyBatchError {
  override readonly name = 'UsageError';
}

/** A repository cannot be cloned: absent, empty, or out of the token's reach. */
export class RepositoryUnavailableError extends CodyBatchError {
  override readonly name = 'RepositoryUnavailableError';
}

/** A setup command of the job failed in the clone, so the conversation did not start. */
export class SetupFailedError extends CodyBatchError {
  override readonly name = 'SetupFailedError';
}

/** A verify command of the job cannot run in the clone, so the conversation did not start. */
export class VerifyNotRunnableError extends CodyBatchError {
  override readonly name = 'VerifyNotRunnableError';
}

/** The Batch job ended without writing an outcome: killed, out of memory, timed out. */
export class WorkerLostError extends CodyBatchError {
  override readonly name = 'WorkerLostError';
}

/** A worker's token is not the token of its repository's current run, so it gets no credentials. */
export class WorkerRefusedError extends CodyBatchError {
  override readonly name = 'WorkerRefusedError';
}

/** The function that gives a worker its credentials failed; another attempt may get them. */
export class CredentialsUnavailableError extends CodyBatchError {
  override readonly name = 'CredentialsUnavailableError';
  override readonly retryable = true;
}

/** The model's service refused the request, and would refuse a retry: a bad key, an unknown model, an invalid request. */
export class ModelRequestError extends CodyBatchError {
  override readonly name = 'ModelRequestError';
  /** Whether every other request would be refused as well, because of the key or the model. */
  readonly isForAll: boolean;

  constructor(message: string, { isForAll = false, ...init }: ErrorInit & { isForAll?: boolean } = {}) {
    super(message, init);
    this.isForAll = isForAll;
  }
}

/** The model's service cannot be reached, or gave no complete answer within a worker's patience. */
export class ModelUnavailableError extends CodyBatchError {
  override readonly name = 'ModelUnavailableError';
}

/** Another repository of the job met an error that would stop all of them: a bad key, an unknown model. */
export class JobStoppedError extends CodyBatchError {
  override readonly name = 'JobStoppedError';
}

/** The recorded change set may not be published: outside the tree, protected, or too large. */
export class ChangeSetRefusedError extends CodyBatchError {
  override readonly name = 'ChangeSetRefusedError';
}

/** The pull request's branch has a commit that Cody Batch did not make, so it is not moved. */
export class BranchHasOtherCommitsError extends CodyBatchError {
  override readonly name = 'BranchHasOtherCommitsError';
}

/** GitHub refused the credential, or it lacks the permission that the message names. */
export class GitHubPermissionError extends CodyBatchError {
  override readonly name = 'GitHubPermissionError';
}

/** GitHub refused the commit, the branch or the pull request, and would refuse a retry: a ruleset, a taken name, a limit. */
export class PullRequestRefusedError extends CodyBatchError {
  override readonly name = 'PullRequestRefusedError';
}

/** The artifact is not the one that was written: truncated, or edited by hand. */
export class DamagedArtifactError extends CodyBatchError {
  override readonly name = 'DamagedArtifactError';
  /** The API answers as if there were none. */
  override readonly statusCode = 404;
}

/** A row has a value that this version cannot read, in an attribute that work depends on. */
export class DamagedRowError extends CodyBatchError {
  override readonly name = 'DamagedRowError';
  override readonly statusCode = 409;
}

/** The names that the state machine may retry or catch, so that a misspelt one does not compile. */
export type ErrorName = (
  | InvalidInputError
  | NotFoundError
  | ConflictError
  | SettingsError
  | RepositoryUnavailableError
  | WorkerLostError
  | ModelRequestError
  | ModelUnavailableError
  | ChangeSetRefusedError
  | BranchHasOtherCommitsError
  | GitHubPermissionError
  | PullRequestRefusedError
  | DamagedArtifactError
  | DamagedRowError
)['name'];

/** A service's message as a sentence: some services omit the full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?…]["')\]]?$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** Limits messages in rows, outcomes and logs, to keep a row far below DynamoDB's 400 KB. */
const MAX_MESSAGE_CHARACTERS = 2000;

export function truncateMessage(message: string): string {
  if (message.length <= MAX_MESSAGE_CHARACTERS) return message;
  return `${message.slice(0, MAX_MESSAGE_CHARACTERS - 1)}…`;
}

/** The `{name, message}` of rows and outcomes, with a truncated message. */
export function describeError(error: unknown): { name: string; message: string } {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  return { name, message: truncateMessage(message) };
}
