import type { ErrorName } from '../core/errors.ts';
import { analyzeRepositoryWorkflow } from './analyze-repository.ts';
import {
  type ChoiceState,
  type Definition,
  type FailState,
  type MapState,
  type ParallelState,
  type SucceedState,
  statesWithin,
  type TaskState,
} from './asl.ts';
import { EACH_PULL_REQUEST, MANIFEST, manifestOf } from './manifest.ts';
import { openPullRequestWorkflow } from './open-pull-request.ts';
import { publishMeanwhile } from './publish-meanwhile.ts';
import { CONDITION_FAILED } from './retry.ts';
import { onError, step, updateItem } from './tasks.ts';

/**
 * The lifecycle of a job, as data. Step Functions on AWS and the local engine run the same bytes of it.
 *
 *     IsDeletion → StartJob → Action → ResolveRepositories → AnyRepositories → CheckWriteAccess → AnalyzeAndPublish ┐
 *      │            │          │ publish                       │ none                                               │
 *      │            │          └───────────────────────────────┴───────────────────────→ ResolvePullRequests ←──────┘
 *      │            │                                                                      → AnyPullRequests → OpenPullRequests → CompleteJob
 *      │            └ not to be started: IsThereSuchAJob → JobAlreadyEnded, or NoSuchJob        └ none: CompleteJob
 *      └ delete: RemoveJob                                             (Catch, from any: FailJob → JobFailed)
 *
 * AnalyzeAndPublish has two branches: AnalyzeRepositories, and publish-meanwhile.ts, which opens pull requests of what is
 * analysed already.
 */
export function jobDefinition(): Definition {
  return {
    Comment: 'Cody Batch: one prompt, many repositories.',
    StartAt: 'IsDeletion',
    States: {
      IsDeletion,
      RemoveJob,
      StartJob,
      IsThereSuchAJob,
      JobAlreadyEnded,
      NoSuchJob,
      Action,
      ResolveRepositories,
      AnyRepositories,
      CheckWriteAccess,
      AnalyzeAndPublish,
      ResolvePullRequests,
      AnyPullRequests,
      OpenPullRequests,
      CompleteJob,
      FailJob,
      JobFailed,
    },
  };
}

/** The definition as it is deployed, printed and run: these bytes, everywhere. */
export function jobDefinitionText(): string {
  return `${JSON.stringify(jobDefinition(), null, 2)}\n`;
}

/** The Labels of its Maps, under which Step Functions counts their children. */
export function mapLabels(): string[] {
  return statesWithin(jobDefinition()).flatMap(([, state]) => (state.Type === 'Map' ? [state.Label] : []));
}

/** A deletion takes nothing over: its job's row is a tombstone already. */
const IsDeletion: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.action', StringEquals: 'delete', Next: 'RemoveJob' }],
  Default: 'StartJob',
};

/** Whatever fails here, the reconciler begins again. */
const RemoveJob = step('RemoveJob', { End: true });

/** Takes the job over for this run. A job that ended, or that a later run has, is left alone. */
const StartJob: TaskState = updateItem(
  {
    TableName: '${JobsTable}',
    Key: { jobId: { 'S.$': '$.jobId' } },
    ConditionExpression: '#run = :run AND #status IN (:pending, :processing)',
    UpdateExpression:
      'SET #status = :processing, startedAt = if_not_exists(startedAt, :now), updatedAt = :now, executionArn = :arn',
    ExpressionAttributeNames: { '#status': 'status', '#run': 'run' },
    ExpressionAttributeValues: {
      ':pending': { S: 'pending' },
      ':processing': { S: 'processing' },
      ':run': { 'N.$': "States.Format('{}', $.run)" },
      ':now': { 'S.$': '$$.Execution.StartTime' },
      ':arn': { 'S.$': '$$.Execution.Id' },
    },
  },
  {
    catch: [
      { ErrorEquals: [CONDITION_FAILED], ResultPath: null, Next: 'IsThereSuchAJob' },
      onError('FailJob'),
    ],
    Next: 'Action',
  },
);

/** Tells a job that has ended from one that never was, as when an execution is started by hand: it writes what is there. */
const IsThereSuchAJob: TaskState = updateItem(
  {
    TableName: '${JobsTable}',
    Key: { jobId: { 'S.$': '$.jobId' } },
    ConditionExpression: 'attribute_exists(jobId)',
    UpdateExpression: 'SET updatedAt = if_not_exists(updatedAt, :now)',
    ExpressionAttributeValues: { ':now': { 'S.$': '$$.Execution.StartTime' } },
  },
  {
    catch: [{ ErrorEquals: [CONDITION_FAILED], ResultPath: null, Next: 'NoSuchJob' }, onError('FailJob')],
    Next: 'JobAlreadyEnded',
  },
);

const JobAlreadyEnded: SucceedState = { Type: 'Succeed' };

const NoSuchJob: FailState = {
  Type: 'Fail',
  Error: 'NotFoundError' satisfies ErrorName,
  Cause:
    'The jobs table has no job of the jobId in the input. POST /jobs writes a job and starts its execution.',
};

const Action: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.action', StringEquals: 'publish', Next: 'ResolvePullRequests' }],
  Default: 'ResolveRepositories',
};

const ResolveRepositories = step('ResolveRepositories', {
  result: { path: '$.analyze', keep: { ...MANIFEST, 'inWaves.$': '$.Payload.inWaves' } },
  catch: [onError('FailJob')],
  Next: 'AnyRepositories',
});

/** A cancel or a retry that raced may leave none to do; a Map of an empty manifest is nothing that AWS documents. */
const AnyRepositories: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.analyze.count', NumericGreaterThan: 0, Next: 'CheckWriteAccess' }],
  Default: 'ResolvePullRequests',
};

/**
 * Ends what no pull request could be opened in before it is paid for. OpenPullRequest's function does it, which alone has
 * the credential that writes; where it cannot, the work goes on and the pull requests say what is wrong.
 */
const CheckWriteAccess = step('CheckWriteAccess', {
  of: 'OpenPullRequest',
  catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'AnalyzeAndPublish' }],
  Next: 'AnalyzeAndPublish',
});

const AnalyzeRepositories: MapState = {
  Type: 'Map',
  Label: 'AnalyzeRepositories',
  ...manifestOf('$.analyze'),
  ItemSelector: {
    'jobId.$': '$.jobId',
    'run.$': '$.run',
    'repositoryName.$': '$$.Map.Item.Value.repositoryName',
    'batchJobName.$': '$$.Map.Item.Value.batchJobName',
    'attemptSeconds.$': '$$.Map.Item.Value.attemptSeconds',
  },
  ItemProcessor: {
    ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
    ...analyzeRepositoryWorkflow,
  },
  Next: 'RecordAnalysisEnd',
};

/** What the other branch ends by. Of a deleted job there is nothing to write it on. */
const RecordAnalysisEnd: TaskState = updateItem(
  {
    TableName: '${JobsTable}',
    Key: { jobId: { 'S.$': "States.Format('{}#control', $.jobId)" } },
    ConditionExpression: 'attribute_exists(jobId)',
    UpdateExpression: 'SET analysedInRun = :run',
    ExpressionAttributeValues: { ':run': { 'N.$': "States.Format('{}', $.run)" } },
  },
  {
    catch: [{ ErrorEquals: [CONDITION_FAILED], ResultPath: null, Next: 'RepositoriesAnalyzed' }],
    Next: 'RepositoriesAnalyzed',
  },
);

const RepositoriesAnalyzed: SucceedState = { Type: 'Succeed' };

/**
 * GitHub takes about 400 pull requests an hour, which is often slower than the analysis, so its time is not left unused
 * until the last repository is analysed. What is left then, the states behind open. An error of the analysis ends the
 * other branch and the job; one of the other branch ends that branch alone.
 */
const AnalyzeAndPublish: ParallelState = {
  Type: 'Parallel',
  Branches: [
    {
      StartAt: 'AnalyzeRepositories',
      States: { AnalyzeRepositories, RecordAnalysisEnd, RepositoriesAnalyzed },
    },
    publishMeanwhile,
  ],
  ResultPath: null,
  Catch: [onError('FailJob')],
  Next: 'ResolvePullRequests',
};

const ResolvePullRequests = step('ResolvePullRequests', {
  result: { path: '$.publish', keep: MANIFEST },
  catch: [onError('FailJob')],
  Next: 'AnyPullRequests',
});

const AnyPullRequests: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.publish.count', NumericGreaterThan: 0, Next: 'OpenPullRequests' }],
  Default: 'CompleteJob',
};

/** A Map of its own, so that waiting for GitHub holds no slot of Batch. */
const OpenPullRequests: MapState = {
  Type: 'Map',
  Label: 'OpenPullRequests',
  ...manifestOf('$.publish'),
  ...EACH_PULL_REQUEST,
  ItemProcessor: {
    ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
    ...openPullRequestWorkflow(),
  },
  Catch: [onError('FailJob')],
  Next: 'CompleteJob',
};

const CompleteJob = step('CompleteJob', { catch: [onError('FailJob')], End: true });

const FailJob = step('FailJob', { Next: 'JobFailed' });

const JobFailed: FailState = { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' };
