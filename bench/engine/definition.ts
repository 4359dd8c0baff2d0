import { analyzeRepositoryWorkflow } from '../../statemachine/analyze-repository.ts';
import { statesWithin, type TaskState, type Workflow } from '../../statemachine/asl.ts';
import { jobDefinition } from '../../statemachine/job.ts';
import { updateItem } from '../../statemachine/tasks.ts';

/** The lifecycle's Map over repositories, with different work for each. */
export function mapOver(work: Workflow): string {
  const { AnalyzeRepositories } = Object.fromEntries(statesWithin(jobDefinition()));
  const { Next, ...map } = AnalyzeRepositories as unknown as Record<string, unknown>;
  const processor = { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' }, ...work };
  const state = { ...map, ItemProcessor: processor, End: true };
  return JSON.stringify({ StartAt: 'AnalyzeRepositories', States: { AnalyzeRepositories: state } });
}

const doNothing: TaskState = {
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Parameters: { FunctionName: 'doNothing', 'Payload.$': '$' },
  ResultPath: null,
  TimeoutSeconds: 60,
  Retry: [],
  End: true,
};

/** A child execution of one task that does nothing. */
export const noOp: Workflow = { StartAt: 'DoNothing', States: { DoNothing: doNothing } };

/** The update by which RecordResult ends a row. */
const RecordResult = updateItem(
  {
    TableName: '${RepositoriesTable}',
    Key: { jobId: { 'S.$': '$.jobId' }, repositoryName: { 'S.$': '$.repositoryName' } },
    ConditionExpression: '#status = :processing AND #run = :run',
    UpdateExpression:
      'SET #status = :completed, statusKey = :statusKey, completedAt = :now, updatedAt = :now',
    ExpressionAttributeNames: { '#status': 'status', '#run': 'run' },
    ExpressionAttributeValues: {
      ':processing': { S: 'processing' },
      ':completed': { S: 'completed' },
      ':statusKey': { 'S.$': "States.Format('completed#{}', $.repositoryName)" },
      ':run': { 'N.$': "States.Format('{}', $.run)" },
      ':now': { 'S.$': '$$.Execution.StartTime' },
    },
  },
  { catch: [], End: true },
);

/**
 * The lifecycle of a row without its Batch job: its token, StartRepository, AdmitRepository and the last
 * update.
 */
export const recordOnly: Workflow = {
  ...analyzeRepositoryWorkflow,
  States: {
    ...Object.fromEntries(
      ['IssueWorkerToken', 'StartRepository', 'RepositoryAlreadyEnded', 'AdmitRepository'].map((name) => [
        name,
        analyzeRepositoryWorkflow.States[name]!,
      ]),
    ),
    AnalyzeRepository: { ...doNothing, End: undefined, Next: 'RecordResult' } as unknown as TaskState,
    RecordResult,
    RecordFailure: { ...doNothing, Parameters: { FunctionName: 'fail', 'Payload.$': '$' } },
  },
};

/** The writes of one row in order, as in StartRepository, AdmitRepository and RecordResult. */
export const rowWrites: readonly TaskState[] = [
  recordOnly.States.StartRepository as TaskState,
  recordOnly.States.AdmitRepository as TaskState,
  RecordResult,
];
