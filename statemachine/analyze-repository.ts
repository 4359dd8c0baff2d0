import type { ChoiceState, SucceedState, TaskState, WaitState, Workflow } from './asl.ts';
import { BATCH_UNDER_LOAD, CONDITION_FAILED } from './retry.ts';
import { onError, step, updateItem } from './tasks.ts';

/**
 * One repository of AnalyzeRepositories, a child execution of its own.
 *
 *     StartRepository → AdmitRepository → AnalyzeRepository (Batch) → RecordResult → IsThrottled → done
 *       already ended: done   over the cap: CancelRepository   Catch: RecordFailure     └ WaitForModel → AnalyzeRepository
 */

/** Takes the row over for this run. What has ended is skipped, so running an execution again is always safe. */
const StartRepository: TaskState = updateItem(
  {
    TableName: '${RepositoriesTable}',
    Key: { jobId: { 'S.$': '$.jobId' }, repositoryName: { 'S.$': '$.repositoryName' } },
    ConditionExpression: '#status = :pending OR (#status = :processing AND #run = :run)',
    UpdateExpression:
      'SET #status = :processing, statusKey = :statusKey, submittedAt = :now, updatedAt = :now, #run = :run',
    ExpressionAttributeNames: { '#status': 'status', '#run': 'run' },
    ExpressionAttributeValues: {
      ':pending': { S: 'pending' },
      ':processing': { S: 'processing' },
      ':statusKey': { 'S.$': "States.Format('processing#{}', $.repositoryName)" },
      ':run': { 'N.$': "States.Format('{}', $.run)" },
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

const RepositoryAlreadyEnded: SucceedState = { Type: 'Succeed' };

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

const RepositoryRecorded: SucceedState = { Type: 'Succeed' };

const RecordFailure = step('RecordFailure', { End: true });

export const analyzeRepository: Workflow = {
  StartAt: 'StartRepository',
  States: {
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
