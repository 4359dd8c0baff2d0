/** The advice that docs/runbook.md gives for each error class of core/. It takes the cause from the comment of the class. */
export const ERROR_ACTIONS: Readonly<Record<string, string>> = {
  InvalidInputError: 'Correct the field that the message names.',
  NotFoundError: 'Check the name. A job is gone after `RESULT_DAYS`.',
  ConflictError: 'Wait until the job is in the state that the message names, then send the request again.',
  OutdatedReviewError: 'Read the rows again, and decide about what they show now.',
  ThrottledTableError: 'It is tried again. If it lasts, see [table-throttles](#table-throttles).',
  SettingsError: 'Set the setting that the message names ([settings.md](settings.md)).',
  UsageError: '`cody-batch help COMMAND` has the arguments and examples.',
  RepositoryUnavailableError:
    'Check the name and what `GITHUB_TOKEN` can read, then retry ([GitHub](#github)).',
  SetupFailedError:
    'The message has the output of the command. Correct `settings.setup`, or use an image with the toolchain.',
  VerifyNotRunnableError: 'Correct `settings.verify`, or use an image that has the program.',
  WorkerLostError:
    'The message has the exit code and the log stream. Retry ([worker-errors](#worker-errors)).',
  WorkerRefusedError: 'Nothing, for a worker of an earlier run. Otherwise retry the job.',
  CredentialsUnavailableError:
    'It is tried again. If it lasts, read the log of `cody-batch-dev-worker-credentials`.',
  ModelRequestError: 'Correct the key, the model or the request, then retry ([Claude](#claude)).',
  ModelUnavailableError: 'Retry when the service answers again ([Claude](#claude)).',
  JobStoppedError: "Correct what the job's `error` names, then retry.",
  ChangeSetRefusedError: 'Revise the change, or allow the path in `settings.allowProtected` of a new job.',
  BranchHasOtherCommitsError:
    'Someone works on the branch. Merge or close that pull request, or remove the branch.',
  GitHubPermissionError:
    'Give the credential the permission that the message names, then publish again ([GitHub](#github)).',
  PullRequestRefusedError: "Change the repository's rule or the job's request, then publish again.",
  DamagedArtifactError: 'Retry the repository: its next run writes the artifact anew.',
  DamagedRowError: 'Undo the edit by hand that the message names ([Data](#data)).',
  BatchConfigurationError: 'Correct the option that the message names ([batch.md](batch.md)).',
  BatchSubmissionError: 'Correct the request, or the name of the queue or the definition.',
  BatchNotFoundError: 'Batch forgets jobs seven days after their end; the row has what is known.',
  BatchThrottledError: 'Try again later, with fewer calls at once.',
  BatchUnavailableError: "Try again; if it lasts, look at AWS's status of the region.",
  BatchRequestError: 'Correct the argument that the message names.',
};

/** Errors that are recorded on jobs and rows under a name, without a class: the cause, and what to do. */
export const RECORDED: Readonly<Record<string, readonly [cause: string, action: string]>> = {
  NoRepositoryCompletedError: [
    'None of the repositories of a job completed.',
    'Each row has its own error ([failed-jobs](#failed-jobs)).',
  ],
  JobCancelled: ['The job was cancelled before the repository ended.', 'Retry the job to run it.'],
  JobStopped: [
    'The job was cancelled, reached its `maxCostUsd`, or its key or model was refused, before the repository started.',
    'Retry the job, with a higher cap or another key.',
  ],
  JobResetError: ['An administrator reset the job, because it hung.', 'Retry the job.'],
  StatusOverriddenError: [
    'An administrator set the status.',
    'The audit log has who and why (`cody-batch admin audit`).',
  ],
  PullRequestNotSeenError: [
    'GitHub did not return a pull request that was open.',
    'Give the credential access again, if the repository still exists.',
  ],
};

/** The advice that docs/runbook.md gives for each problem type of the API. It takes the cause from lambdas/api/problem.ts. */
export const PROBLEM_ACTIONS: Readonly<Record<string, string>> = {
  'the-request-does-not-fit': 'Correct the fields that `errors` names ([api.md](api.md)).',
  'value-not-accepted': 'Choose a value that `errors` expects, or change the setting that the message names.',
  'not-http': 'Send HTTP/1.1.',
  'not-signed-in': 'Sign in, and send the access token as `Authorization: Bearer`.',
  'not-allowed': 'Ask an administrator for the role or the group that `detail` names.',
  'secret-needed': "Send the data folder's secret, or ask as the user who runs `serve`.",
  'loopback-refused': 'Open the page by the address that `serve` prints.',
  'not-found': 'Check the path and the names in it.',
  'method-not-allowed': 'Use a method that `allow` lists.',
  'answer-too-long': 'Send `Accept-Encoding: gzip`, or ask for less with `limit` or `view`.',
  'not-in-this-state': 'Wait for the state that `detail` names; for a key with another body, send a new key.',
  'review-is-outdated': 'Read the rows again, and decide about what they show now.',
  deleted: 'Send a new `Idempotency-Key` to create a new job.',
  'body-too-long': 'Name repositories by patterns, or make several jobs.',
  'unsupported-media-type': 'Send `Content-Type: application/json`.',
  'too-many-requests': 'Wait for the seconds in `retry-after`.',
  'not-available-here': 'Send it to a deployment on AWS.',
  drained: 'An administrator lets runs start again by `cody-batch admin resume`.',
  unavailable:
    'Send the same request again after the seconds in `retry-after`. If it lasts, see [api-health](#api-health).',
  internal: 'See [api-errors](#api-errors).',
};
