import { Arn, ArnFormat, Stack } from 'aws-cdk-lib';
import type { IJobDefinition, IJobQueue } from 'aws-cdk-lib/aws-batch';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { DefinitionBody, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { jobDefinitionText } from '../statemachine/job.ts';
import { functionSubstitution } from '../statemachine/tasks.ts';

export interface WorkflowProps {
  /** The state machine's name; grants name it, since by reference they would make a cycle. */
  readonly stateMachineName: string;
  readonly jobsTable: ITable;
  readonly repositoriesTable: ITable;
  /** Holds the manifests that the Maps read and the results that they write. */
  readonly artifacts: IBucket;
  readonly jobQueue: IJobQueue;
  readonly jobDefinition: IJobDefinition;
  /** The functions of `lambdas/steps`, by the name of the state that invokes them. */
  readonly functions: Readonly<Record<string, IFunction>>;
}

/**
 * The job's lifecycle on Step Functions: the bytes of `npm run asl`, with its names substituted at deployment. A
 * definition given as a string gets no grants of CDK's own; they are all here.
 */
export class Workflow extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: WorkflowProps) {
    super(scope, id);
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      stateMachineName: props.stateMachineName,
      definitionBody: DefinitionBody.fromString(jobDefinitionText()),
      definitionSubstitutions: {
        JobsTable: props.jobsTable.tableName,
        RepositoriesTable: props.repositoriesTable.tableName,
        ArtifactsBucket: props.artifacts.bucketName,
        JobQueue: props.jobQueue.jobQueueArn,
        JobDefinition: props.jobDefinition.jobDefinitionArn,
        ...Object.fromEntries(
          Object.entries(props.functions).map(([step, { functionArn }]) => [
            functionSubstitution(step),
            functionArn,
          ]),
        ),
      },
      tracingEnabled: true,
    });
    this.#grantSteps(props);
    this.#grantBatch(props);
    this.#grantMaps(props);
  }

  #grantSteps({ jobsTable, repositoriesTable, functions }: WorkflowProps): void {
    for (const table of [jobsTable, repositoriesTable]) table.grant(this.stateMachine, 'dynamodb:UpdateItem');
    for (const step of Object.values(functions)) step.grantInvoke(this.stateMachine);
  }

  /** What `.sync` does beside SubmitJob: it tags, ends what is stopped, and learns of the end by a rule of its own. */
  #grantBatch({ jobQueue, jobDefinition }: WorkflowProps): void {
    const { stateMachine } = this;
    const resources = [jobQueue.jobQueueArn, jobDefinition.jobDefinitionArn];
    stateMachine.addToRolePolicy(
      new PolicyStatement({ actions: ['batch:SubmitJob', 'batch:TagResource'], resources }),
    );
    stateMachine.addToRolePolicy(
      new PolicyStatement({
        actions: ['batch:TerminateJob', 'batch:TagResource'],
        resources: [this.#arn('batch', 'job', '*')],
      }),
    );
    // DescribeJobs knows no resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html
    stateMachine.addToRolePolicy(new PolicyStatement({ actions: ['batch:DescribeJobs'], resources: ['*'] }));
    stateMachine.addToRolePolicy(
      new PolicyStatement({
        actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
        resources: [this.#arn('events', 'rule', 'StepFunctionsGetEventsForBatchJobsRule')],
      }),
    );
  }

  /** A Distributed Map starts children of this same state machine, reads its items and writes its results. */
  #grantMaps({ artifacts, stateMachineName }: WorkflowProps): void {
    const colon = ArnFormat.COLON_RESOURCE_NAME;
    this.stateMachine.addToRolePolicy(
      new PolicyStatement({
        actions: ['states:StartExecution'],
        resources: [this.#arn('states', 'stateMachine', stateMachineName, colon)],
      }),
    );
    this.stateMachine.addToRolePolicy(
      new PolicyStatement({
        actions: ['states:DescribeExecution', 'states:StopExecution'],
        resources: [this.#arn('states', 'execution', `${stateMachineName}:*`, colon)],
      }),
    );
    artifacts.grantRead(this.stateMachine, 'jobs/*/runs/*');
    artifacts.grantWrite(this.stateMachine, 'jobs/*/runs/*');
  }

  #arn(
    service: string,
    resource: string,
    resourceName: string,
    arnFormat = ArnFormat.SLASH_RESOURCE_NAME,
  ): string {
    return Arn.format({ service, resource, resourceName, arnFormat }, Stack.of(this));
  }
}
