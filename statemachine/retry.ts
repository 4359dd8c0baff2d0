import type { ErrorName } from '../core/errors.ts';
import type { Retrier } from './asl.ts';

/** DynamoDB under load: waits of up to 1, 2, 4, 8, 16 and 30 s, a minute in all. */
export const DYNAMODB_UNDER_LOAD: Retrier = {
  ErrorEquals: [
    'DynamoDB.ProvisionedThroughputExceededException',
    'DynamoDB.ThrottlingException',
    'DynamoDB.RequestLimitExceeded',
    'DynamoDB.InternalServerError',
    'DynamoDB.AmazonDynamoDBException',
    'DynamoDB.SdkClientException',
  ],
  IntervalSeconds: 1,
  BackoffRate: 2,
  MaxAttempts: 6,
  MaxDelaySeconds: 30,
  JitterStrategy: 'FULL',
};

/** Service errors of Lambda, as AWS advises: waits of up to 2, 4, 8, 16, 32 and 60 s, two minutes in all. */
export const LAMBDA_UNDER_LOAD: Retrier = {
  ErrorEquals: [
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.TooManyRequestsException',
  ],
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxAttempts: 6,
  MaxDelaySeconds: 60,
  JitterStrategy: 'FULL',
};

/** Errors of the product that a retry would meet again. */
const PERMANENT: ErrorName[] = [
  'InvalidInputError',
  'NotFoundError',
  'ConflictError',
  'SettingsError',
  'WorkerLostError',
  'ChangeSetRefusedError',
  'BranchHasOtherCommitsError',
  'RepositoryUnavailableError',
  'GitHubPermissionError',
  'PullRequestRefusedError',
  'DamagedArtifactError',
  'DamagedRowError',
];

export const PERMANENT_ERRORS: Retrier = { ErrorEquals: PERMANENT, MaxAttempts: 0 };

/**
 * Errors of a step's calls, such as a throttled table or a lost connection: waits of up to 1, 2, 4 and 8 s. Only for
 * Lambda steps, which are safe to run again; on a Batch task it would multiply the attempts of Batch.
 */
export const STEP_FAILED: Retrier = {
  ErrorEquals: ['States.TaskFailed'],
  IntervalSeconds: 1,
  BackoffRate: 2,
  MaxAttempts: 4,
  MaxDelaySeconds: 8,
  JitterStrategy: 'FULL',
};

/**
 * SubmitJob is limited to 50 a second an account, and Maps may start many more children: 30,000 of them at once need ten
 * minutes. Waits of up to 2, 4, 8 and so on to 256 s (510 s in all), and then 32 of up to 300 s: 10,110 s at most, and
 * half of that on average because of full jitter. So even a child that waits only a fifth of it outlasts them.
 */
export const BATCH_UNDER_LOAD: Retrier = {
  ErrorEquals: [
    'Batch.AWSBatchException',
    'Batch.ServerException',
    'Batch.TooManyRequestsException',
    'AWS.Batch.TooManyRequestsException',
    'Batch.BatchException',
    'Batch.SdkClientException',
  ],
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxAttempts: 40,
  MaxDelaySeconds: 300,
  JitterStrategy: 'FULL',
};
