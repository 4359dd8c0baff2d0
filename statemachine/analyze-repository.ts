import { CONDITION_FAILED } from '../core/execution.ts';
import { TRACE_VARIABLE } from '../core/settings.ts';
import type { ChoiceState, PassState, TaskState, WaitState, Workflow } from './asl.ts';
import { BATCH_UNDER_LOAD } from './retry.ts';
import { onError, step, updateItem } from './tasks.ts';

/**
 * The child execution of one repository of AnalyzeRepositories.
 *
 *     IssueWorkerToken → StartRepository → AdmitRepository → AnalyzeRepository (Batch) → RecordResult → IsThrottled → done
 *       already ended: done   stopped job: RecordFailure   Catch: RecordFailure     └ WaitForModel → AnalyzeRepository
 *
 * It has no output, because the Map would write it to the artifacts, and it contains the worker's token.
 */

/**
 * The token proves to WorkerCredentials which worker asks. A separate state makes it, so that a retry of StartRepository
 * writes the same token. All Batch jobs of this execution share it.
 */
const IssueWorkerToken: PassState = {
  Type: 'Pass',
  Parameters: { 'token.$': 'States.UUID()' },
  ResultPath: '$.worker',
  Next: 'StartRepository',
};

/**
 * Takes the row for this run. An ended repository is skipped, so that an execution can safely run again. A worker of an
 * earlier execution then gets no more credentials, because the row has a new token.
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

/** A Pass and not a Succeed, because cfn-lint allows no OutputPath there. */
const RepositoryAlreadyEnded: PassState = { Type: 'Pass', OutputPath: null, End: true };

/** Starts no repository after the job was stopped: cancelled, or at its cost cap. */
const AdmitRepository: TaskState = updateItem(
  {
    TableName: '${JobsTable}',
    Key: { jobId: { 'S.$': "States.Format('{}#control', $.jobId)" } },
    ConditionExpression: 'attribute_not_exists(stoppedBy)',
    UpdateExpression: 'ADD admitted :one',
    ExpressionAttributeValues: { ':one': { N: '1' } },
  },
  {
    // RecordFailure tells the refusal by its name.
    catch: [onError('RecordFailure')],
    Next: 'AnalyzeRepository',
  },
);

/** A week, because the time in the queue counts. Batch bounds each attempt. */
const ONE_WEEK_SECONDS = 604_800;

const AnalyzeRepository: TaskState = {
  Type: 'Task',
  Resource: 'arn:aws:states:::batch:submitJob.sync',
  Parameters: {
    'JobName.$': '$.batchJobName',
    JobQueue: '${JobQueue}',
    // Of the job's image. Pinned at the start of the run, so that a deployment changes nothing of it.
    'JobDefinition.$': '$.jobDefinition',
    Parameters: {
      'jobId.$': '$.jobId',
      'repositoryName.$': '$.repositoryName',
      'run.$': "States.Format('{}', $.run)",
      'from.$': '$.from',
    },
    // Not a parameter: parameters become arguments, which every user of the container can read.
    ContainerOverrides: {
      Environment: [
        { Name: 'WORKER_TOKEN', 'Value.$': '$.worker.token' },
        // Step Functions passes its trace to functions, not to Batch jobs.
        { Name: TRACE_VARIABLE, 'Value.$': '$.trace' },
      ],
    },
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

/** Throttled repositories wait and continue instead of failing. */
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
    AnalyzeRepository,
    RecordResult,
    IsThrottled,
    WaitForModel,
    RepositoryRecorded,
    RecordFailure,
  },
};
