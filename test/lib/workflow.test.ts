import { expect, test } from '@jest/globals';
import { App, Size, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import {
  EcsFargateContainerDefinition,
  EcsJobDefinition,
  FargateComputeEnvironment,
  JobQueue,
} from 'aws-cdk-lib/aws-batch';
import { AttributeType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Names } from '../../lib/names.ts';
import { Workflow } from '../../lib/workflow.ts';
import { stepFunctions } from '../../local/functions.ts';
import { jobDefinitionText } from '../../statemachine/job.ts';

function deployedTemplate(): Template {
  const stack = new Stack(new App(), 'Test');
  const table = (id: string) =>
    new Table(stack, id, { partitionKey: { name: 'jobId', type: AttributeType.STRING } });
  const vpc = new Vpc(stack, 'Vpc', { maxAzs: 1, natGateways: 0 });
  new Workflow(stack, 'Workflow', {
    names: new Names('test'),
    jobsTable: table('Jobs'),
    repositoriesTable: table('Repositories'),
    artifacts: new Bucket(stack, 'Artifacts'),
    jobQueue: new JobQueue(stack, 'Queue', {
      computeEnvironments: [
        { order: 1, computeEnvironment: new FargateComputeEnvironment(stack, 'Compute', { vpc }) },
      ],
    }),
    jobDefinition: new EcsJobDefinition(stack, 'Definition', {
      container: new EcsFargateContainerDefinition(stack, 'Container', {
        image: ContainerImage.fromRegistry('worker'),
        cpu: 1,
        memory: Size.gibibytes(2),
      }),
    }),
    functions: Object.fromEntries(
      Object.keys(stepFunctions).map((step) => [
        step,
        new LambdaFunction(stack, step, {
          runtime: Runtime.NODEJS_LATEST,
          handler: 'index.handler',
          code: Code.fromInline('exports.handler = async () => {}'),
        }),
      ]),
    ),
  });
  return Template.fromStack(stack);
}

test('the stack deploys the bytes that npm run asl prints, and substitutes every name in them', () => {
  const [stateMachine] = Object.values(deployedTemplate().findResources('AWS::StepFunctions::StateMachine'));
  const { DefinitionString, DefinitionSubstitutions } = stateMachine!.Properties;
  expect(DefinitionString).toBe(jobDefinitionText());
  const names = [...new Set([...jobDefinitionText().matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!))];
  expect(Object.keys(DefinitionSubstitutions).sort()).toEqual(names.sort());
});

test('the state machine may do what its definition says, and start only executions of its own', () => {
  const policies = Object.values(deployedTemplate().findResources('AWS::IAM::Policy'));
  const statements = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement) as {
    Action: string | string[];
    Resource: unknown;
  }[];
  const allowing = (action: string) => statements.filter(({ Action }) => [Action].flat().includes(action));
  for (const action of [
    'dynamodb:UpdateItem',
    'lambda:InvokeFunction',
    'batch:SubmitJob',
    'batch:TerminateJob',
    'batch:DescribeJobs',
    'events:PutRule',
    's3:GetObject',
    's3:PutObject',
  ]) {
    expect([action, allowing(action).length > 0]).toEqual([action, true]);
  }
  expect(JSON.stringify(allowing('states:StartExecution'))).toContain(':stateMachine:cody-batch-test-job');
  // X-Ray, DescribeJobs and the delivery of logs know no resources.
  const unbounded = statements.filter(({ Resource }) => Resource === '*').flatMap(({ Action }) => Action);
  expect(unbounded.sort()).toEqual([
    'batch:DescribeJobs',
    'logs:CreateLogDelivery',
    'logs:DeleteLogDelivery',
    'logs:DescribeLogGroups',
    'logs:DescribeResourcePolicies',
    'logs:GetLogDelivery',
    'logs:ListLogDeliveries',
    'logs:PutResourcePolicy',
    'logs:UpdateLogDelivery',
    'xray:GetSamplingRules',
    'xray:GetSamplingTargets',
    'xray:PutTelemetryRecords',
    'xray:PutTraceSegments',
  ]);
});
