import type { ErrorName } from '../core/errors.ts';
import { CONDITION_FAILED } from '../core/execution.ts';
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
import { onError, step, updateItem } from './tasks.ts';

/**
 * The lifecycle of a job, as data. Step Functions on AWS and the local engine run the same bytes.
 *
 *     IsDeletion → StartJob → Action → ResolveRepositories → AnyRepositories → CheckWriteAccess → AnalyzeAndPublish ┐
 *      │            │          │ publish                       │ none                                               │
 *      │            │          └───────────────────────────────┴───────────────────────→ ResolvePullRequests ←──────┘
 *      │            │                                                                      → AnyPullRequests → OpenPullRequests → CompleteJob
 *      │            └ not to be started: IsThereSuchAJob → JobAlreadyEnded, or NoSuchJob        └ none: CompleteJob
 *      └ delete: RemoveJob                                             (Catch, from any: FailJob → JobFailed)
 *
 * AnalyzeAndPublish has two branches: AnalyzeRepositories, and publish-meanwhile.ts, which opens the first pull requests
 * while others are still analysed.
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

/** The definition that is deployed, printed and run locally, byte for byte. */
export function jobDefinitionText(): string {
  return `${JSON.stringify(jobDefinition(), null, 2)}\n`;
}

/** The Labels of the Maps, by which Step Functions names their child executions. */
export function mapLabels(): string[] {
  return statesWithin(jobDefinition()).flatMap(([, state]) => (state.Type === 'Map' ? [state.Label] : []));
}

/** A deletion does not start the job, whose row is a tombstone. */
const IsDeletion: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.action', StringEquals: 'delete', Next: 'RemoveJob' }],
  Default: 'StartJob',
};

/** If it fails, the reconciler starts another run. */
const RemoveJob = step('RemoveJob', { End: true });

/** Takes the job for this run, unless it has ended, or a later run has it. */
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

/** Distinguishes an ended job from an unknown one, as in an execution started by hand. The update changes nothing. */
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
  result: {
    path: '$.analyze',
    keep: {
      ...MANIFEST,
      'inWaves.$': '$.Payload.inWaves',
      'trace.$': '$.Payload.trace',
      'jobDefinition.$': '$.Payload.jobDefinition',
    },
  },
  catch: [onError('FailJob')],
  Next: 'AnyRepositories',
});

/** A concurrent cancel or retry may leave no repositories, and AWS does not document a Map of an empty manifest. */
const AnyRepositories: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.analyze.count', NumericGreaterThan: 0, Next: 'CheckWriteAccess' }],
  Default: 'ResolvePullRequests',
};

/**
 * Fails repositories in which no pull request could be opened, before their analysis costs anything. It calls
 * OpenPullRequest's function, the only one with the write credential. If the check fails, the analysis continues, and the
 * pull requests have the error.
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
    'from.$': '$$.Map.Item.Value.from',
    'trace.$': '$.analyze.trace',
    'jobDefinition.$': '$.analyze.jobDefinition',
  },
  ItemProcessor: {
    ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
    ...analyzeRepositoryWorkflow,
  },
  Next: 'RecordAnalysisEnd',
};

/** Ends the other branch. A deleted job has no control item to write to. */
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
 * Opens pull requests during the analysis, because GitHub's limit of about 400 an hour is often slower. The states after
 * it open the rest. An error of the analysis ends both branches and the job; an error of the other branch ends only that.
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

/** A separate Map, so that a repository that waits for GitHub occupies no slot of Batch. */
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
