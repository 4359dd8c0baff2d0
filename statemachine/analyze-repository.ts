import type { ChoiceState, PassState, TaskState, WaitState, Workflow } from './asl.ts';
import { BATCH_UNDER_LOAD, CONDITION_FAILED } from './retry.ts';
import { onError, step, updateItem } from './tasks.ts';

/**
 * One repository of AnalyzeRepositories, a child execution of its own.
 *
 *     IssueWorkerToken → StartRepository → AdmitRepository → AnalyzeRepository (Batch) → RecordResult → IsThrottled → done
 *       already ended: done   over the cap: CancelRepository   Catch: RecordFailure     └ WaitForModel → AnalyzeRepository
 *
 * No end of it has an output: a Map writes the outputs of its children to the artifacts, and the token is in no artifact.
 */

/**
 * Proves to WorkerCredentials whose worker asks. It is made in a state of its own, so that a StartRepository that is tried
 * again writes the same, and it stays the same for every Batch job of this execution.
 */
const IssueWorkerToken: PassState = {
  Type: 'Pass',
  Parameters: { 'token.$': 'States.UUID()' },
  ResultPath: '$.worker',
  Next: 'StartRepository',
};

/**
 * Takes the row over for this run. What has ended is skipped, so running an execution again is always safe; a worker of
 * the execution before it gets no more credentials then, because its token is not the row's any more.
 */
const StartRepository: TaskState = updateItem(
  {
    TableName: '${RepositoriesTable}',
    Key: { jobId: { 'S.$': '$.jobId' }, repositoryName: { 'S.$': '$.repositoryName' } },
    ConditionExpression: '#status = :pending OR (#status = :processing AND #run = :run)',
    UpdateExpression:
      'SET #status = :processing, statusKey = :statusKey, submittedAt = :now, updatedAt = :now, #run = :run, workerTokenSha256 = :token',
    ExpressionAttributeNames: { '#status': 'status', '#run': 'run' },
    ExpressionAttributeValues: {
      ':pending': { S: 'pending' },
      ':processing': { S: 'processing' },
      ':statusKey': { 'S.$': "States.Format('processing#{}', $.repositoryName)" },
      ':run': { 'N.$': "States.Format('{}', $.run)" },
      ':token': { 'S.$': "States.Hash($.worker.token, 'SHA-256')" },
      ':now': { 'S.$': '$$.Execution.StartTime' },
    },
  },
  {
    catch: [
      { ErrorEquals: [CONDITION_FAILED], ResultPath: null, Next: 'RepositoryAlreadyEnded' },
      onError('RecordFailure'),
    ],
    Next: 'AdmitRepository',
  },
);

/** Not a Succeed: by cfn-lint that has no OutputPath, though by the specification it has. */
const RepositoryAlreadyEnded: PassState = { Type: 'Pass', OutputPath: null, End: true };

/** Lets nobody start once the job is stopped: cancelled, or at its cost cap. */
const AdmitRepository: TaskState = updateItem(
  {
    TableName: '${JobsTable}',
    Key: { jobId: { 'S.$': "States.Format('{}#control', $.jobId)" } },
    ConditionExpression: 'attribute_not_exists(stoppedBy)',
    UpdateExpression: 'ADD admitted :one',
    ExpressionAttributeValues: { ':one': { N: '1' } },
  },
  {
    catch: [
      { ErrorEquals: [CONDITION_FAILED], ResultPath: null, Next: 'CancelRepository' },
      onError('RecordFailure'),
    ],
    Next: 'AnalyzeRepository',
  },
);

/** A new repository that is not let in has started nothing, so its execution's own time is when it ended. */
const CancelRepository: TaskState = updateItem(
  {
    TableName: '${RepositoriesTable}',
    Key: { jobId: { 'S.$': '$.jobId' }, repositoryName: { 'S.$': '$.repositoryName' } },
    ConditionExpression: '#status = :processing AND #run = :run',
    UpdateExpression:
      'SET #status = :cancelled, statusKey = :statusKey, completedAt = :now, updatedAt = :now, #error = :error',
    ExpressionAttributeNames: { '#status': 'status', '#run': 'run', '#error': 'error' },
    ExpressionAttributeValues: {
      ':processing': { S: 'processing' },
      ':cancelled': { S: 'cancelled' },
      ':statusKey': { 'S.$': "States.Format('cancelled#{}', $.repositoryName)" },
      ':run': { 'N.$': "States.Format('{}', $.run)" },
      ':now': { 'S.$': '$$.Execution.StartTime' },
      ':error': {
        M: {
          name: { S: 'JobStopped' },
          message: {
            S: 'The job was stopped before this repository started: it was cancelled, had reached its maxCostUsd, or its key or model was refused.',
          },
        },
      },
    },
  },
  {
    catch: [
      { ErrorEquals: [CONDITION_FAILED], ResultPath: null, Next: 'RepositoryAlreadyEnded' },
      onError('RecordFailure'),
    ],
    Next: 'RepositoryAlreadyEnded',
  },
);

/** Queueing counts, so a whole week; one attempt is bounded by Batch itself. */
const ONE_WEEK_SECONDS = 604_800;

const AnalyzeRepository: TaskState = {
  Type: 'Task',
  Resource: 'arn:aws:states:::batch:submitJob.sync',
  Parameters: {
    'JobName.$': '$.batchJobName',
    JobQueue: '${JobQueue}',
    JobDefinition: '${JobDefinition}',
    Parameters: { 'jobId.$': '$.jobId', 'repositoryName.$': '$.repositoryName' },
    // Not a parameter: those are arguments, which every user of the container can read.
    ContainerOverrides: { Environment: [{ Name: 'WORKER_TOKEN', 'Value.$': '$.worker.token' }] },
    Tags: { 'cody-batch:job.$': '$.jobId', 'cody-batch:repository.$': '$.repositoryName' },
    PropagateTags: true,
    Timeout: { 'AttemptDurationSeconds.$': '$.attemptSeconds' },
  },
  ResultSelector: { 'jobId.$': '$.JobId', 'startedAt.$': '$.StartedAt' },
  ResultPath: '$.batch',
  TimeoutSeconds: ONE_WEEK_SECONDS,
  Retry: [BATCH_UNDER_LOAD],
  Catch: [onError('RecordFailure')],
  Next: 'RecordResult',
};

const RecordResult = step('RecordResult', {
  result: {
    path: '$.recorded',
    keep: { 'throttled.$': '$.Payload.throttled', 'resumeAt.$': '$.Payload.resumeAt' },
  },
  catch: [onError('RecordFailure')],
  Next: 'IsThrottled',
});

/** A fleet that the model's service slows down spreads itself in time instead of failing. */
const IsThrottled: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.recorded.throttled', BooleanEquals: true, Next: 'WaitForModel' }],
  Default: 'RepositoryRecorded',
};

const WaitForModel: WaitState = {
  Type: 'Wait',
  TimestampPath: '$.recorded.resumeAt',
  Next: 'AnalyzeRepository',
};

const RepositoryRecorded: PassState = { Type: 'Pass', OutputPath: null, End: true };

const RecordFailure = step('RecordFailure', { output: null, End: true });

export const analyzeRepositoryWorkflow: Workflow = {
  StartAt: 'IssueWorkerToken',
  States: {
    IssueWorkerToken,
    StartRepository,
    RepositoryAlreadyEnded,
    AdmitRepository,
    CancelRepository,
    AnalyzeRepository,
    RecordResult,
    IsThrottled,
    WaitForModel,
    RepositoryRecorded,
    RecordFailure,
  },
};
