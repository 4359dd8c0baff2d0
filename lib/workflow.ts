import { RemovalPolicy } from 'aws-cdk-lib';
import type { IJobQueue } from 'aws-cdk-lib/aws-batch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { jobDefinitionText } from '../statemachine/job.ts';
import { functionSubstitution } from '../statemachine/tasks.ts';
import { arnByName } from './access.ts';
import { jobDefinitionName } from './batch-compute.ts';
import { acknowledgeWildcards, type Grant, grant, NO_RESOURCES } from './grant.ts';
import type { Names } from './names.ts';

export interface WorkflowProps {
  readonly names: Names;
  readonly jobsTable: ITable;
  readonly repositoriesTable: ITable;
  /** Holds the manifests that the Maps read and the results that they write. */
  readonly artifacts: IBucket;
  readonly jobQueue: IJobQueue;
  /** The names of the workers' images. */
  readonly images: readonly string[];
  /** The functions of `lambdas/steps`, by the name of the state that invokes them. */
  readonly functions: Readonly<Record<string, IFunction>>;
}

/** The state machine's name, which grants use: a reference would make a dependency cycle. */
export function stateMachineName(names: Names): string {
  return names.of('job');
}

/**
 * The job's state machine on Step Functions: the output of `npm run asl`, with names substituted at deployment. CDK adds no
 * grants for a definition given as a string, so all are here; test/lib/workflow.test.ts derives them from the definition.
 */
export class Workflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: WorkflowProps) {
    super(scope, id);
    const name = stateMachineName(props.names);
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      stateMachineName: name,
      role,
      definitionBody: DefinitionBody.fromString(jobDefinitionText()),
      definitionSubstitutions: {
        JobsTable: props.jobsTable.tableName,
        RepositoriesTable: props.repositoriesTable.tableName,
        ArtifactsBucket: props.artifacts.bucketName,
        JobQueue: props.jobQueue.jobQueueArn,
        ...Object.fromEntries(
          Object.entries(props.functions).map(([step, { functionArn }]) => [
            functionSubstitution(step),
            functionArn,
          ]),
        ),
      },
      tracingEnabled: true,
      logs: {
        // Step Functions requires the prefix for its delivery to CloudWatch.
        destination: new LogGroup(this, 'Logs', {
          logGroupName: `/aws/vendedlogs/states/${name}`,
          retention: RetentionDays.ONE_MONTH,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ALL,
        // The history of each execution already has the data.
        includeExecutionData: false,
      },
    });
    grant(role, [...stepGrants(props), ...batchGrants(props), ...mapGrants(props)]);
    // Tracing, and the delivery of logs.
    acknowledgeWildcards(role, ['*'], NO_RESOURCES);
  }
}

function stepGrants({ jobsTable, repositoriesTable, functions }: WorkflowProps): Grant[] {
  return [
    { actions: ['dynamodb:UpdateItem'], resources: [jobsTable.tableArn, repositoriesTable.tableArn] },
    {
      actions: ['lambda:InvokeFunction'],
      resources: Object.values(functions).map(({ functionArn }) => functionArn),
    },
  ];
}

/** Besides SubmitJob, `.sync` tags jobs, terminates those of stopped executions, and learns of their ends by a rule. */
function batchGrants({ names, jobQueue, images }: WorkflowProps): Grant[] {
  const jobs = arnByName('batch', 'job/*');
  const definitions = images.map((image) =>
    arnByName('batch', `job-definition/${jobDefinitionName(names, image)}`),
  );
  return [
    {
      actions: ['batch:SubmitJob', 'batch:TagResource'],
      // IAM checks the ARN with or without the revision, depending on how the definition is named.
      resources: [
        jobQueue.jobQueueArn,
        ...definitions.flatMap((definition) => [definition, `${definition}:*`]),
      ],
      why: 'Running executions use the revision of the job definition that they started with.',
    },
    {
      actions: ['batch:TerminateJob', 'batch:TagResource'],
      resources: [jobs],
      why: 'Batch jobs get their IDs when they are submitted.',
    },
    { actions: ['batch:DescribeJobs'], resources: ['*'], why: NO_RESOURCES },
    {
      actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
      resources: [arnByName('events', 'rule/StepFunctionsGetEventsForBatchJobsRule')],
    },
  ];
}

/**
 * A Distributed Map starts children of this same state machine, reads its items and writes its results:
 * https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
 */
function mapGrants({ names, artifacts }: WorkflowProps): Grant[] {
  const name = stateMachineName(names);
  return [
    { actions: ['states:StartExecution'], resources: [arnByName('states', `stateMachine:${name}`)] },
    {
      actions: ['states:DescribeExecution', 'states:StopExecution'],
      resources: [arnByName('states', `execution:${name}:*`)],
      why: 'Executions of this state machine get their names when they start.',
    },
    {
      actions: ['s3:GetObject', 's3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
      resources: [artifacts.arnForObjects('jobs/*/runs/*')],
      why: 'The folder of a run is named when the run starts.',
    },
  ];
}
