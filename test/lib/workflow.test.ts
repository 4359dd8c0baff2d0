import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { MapState, State, Workflow } from '../../statemachine/asl.ts';
import { jobDefinitionText } from '../../statemachine/job.ts';
import {
  allowedBy,
  flat,
  lines,
  ofType,
  type Resource,
  SYNTHESIS_MS,
  type Synthesized,
  synthesize,
} from '../support/synthesized.ts';

type Need = { action: string; resource: string };

let synthesized: Synthesized;
let stateMachine: Resource['Properties'];
beforeAll(async () => {
  synthesized = await synthesize();
  [[, stateMachine]] = ofType(synthesized.template, 'AWS::StepFunctions::StateMachine') as [
    [string, Resource],
  ];
}, SYNTHESIS_MS);
afterAll(() => synthesized?.remove());

const ACCOUNT = '<AWS::Region>:<AWS::AccountId>';
const arn = (service: string, resource: string) => `arn:<AWS::Partition>:${service}:${ACCOUNT}:${resource}`;

/** What the template puts in the place of `${Name}`, as the resource whose ARN it is. */
function resourceOf(substitution: unknown): string {
  const name = /^\$\{(\w+)\}$/.exec(String(substitution))?.[1];
  const value = flat(stateMachine.DefinitionSubstitutions[name!]);
  // A name of a table or bucket is a Ref to it; what is granted is its ARN.
  return /^<\w+>$/.test(value) ? value.replace('>', '.Arn>') : value;
}

/** The key that a step gives as `$.analyze.key`: both Maps keep their files in the run's folder. */
const runFiles = (bucket: unknown) => `${resourceOf(bucket)}/jobs/*/runs/*`;

/**
 * What each service integration calls, by AWS's own pages. One that is not here fails the tests below, because no one
 * has read yet what it needs.
 */
const INTEGRATIONS: Record<string, (parameters: Record<string, unknown>) => Need[]> = {
  // https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
  'arn:aws:states:::lambda:invoke': ({ FunctionName }) => [
    { action: 'lambda:InvokeFunction', resource: resourceOf(FunctionName) },
  ],
  // https://docs.aws.amazon.com/step-functions/latest/dg/connect-ddb.html
  'arn:aws:states:::dynamodb:updateItem': ({ TableName }) => [
    { action: 'dynamodb:UpdateItem', resource: resourceOf(TableName) },
  ],
  // https://docs.aws.amazon.com/step-functions/latest/dg/connect-batch.html: Run a Job, with tags
  'arn:aws:states:::batch:submitJob.sync': ({ JobQueue, Tags }) => {
    const definitions = ofType(synthesized.template, 'AWS::Batch::JobDefinition').map(
      ([, { JobDefinitionName }]) => arn('batch', `job-definition/${JobDefinitionName}`),
    );
    // Of any image, and any revision: an execution goes on with the one that it began with.
    const submitted = [resourceOf(JobQueue), ...definitions.flatMap((one) => [one, `${one}:*`])];
    const rule = arn('events', 'rule/StepFunctionsGetEventsForBatchJobsRule');
    return [
      ...submitted.map((resource) => ({ action: 'batch:SubmitJob', resource })),
      ...(Tags ? [...submitted, arn('batch', 'job/*')] : []).map((resource) => ({
        action: 'batch:TagResource',
        resource,
      })),
      { action: 'batch:TerminateJob', resource: arn('batch', 'job/*') },
      { action: 'batch:DescribeJobs', resource: '*' },
      ...['events:PutTargets', 'events:PutRule', 'events:DescribeRule'].map((action) => ({
        action,
        resource: rule,
      })),
    ];
  },
};

/** https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html */
function needsOfMap({ ItemReader, ResultWriter, ItemProcessor }: MapState): Need[] {
  const name = stateMachine.StateMachineName;
  expect(ItemProcessor.ProcessorConfig.Mode).toBe('DISTRIBUTED');
  expect(ItemReader.Resource).toBe('arn:aws:states:::s3:getObject');
  expect(ResultWriter.Resource).toBe('arn:aws:states:::s3:putObject');
  const written = runFiles(ResultWriter.Parameters.Bucket);
  return [
    { action: 'states:StartExecution', resource: arn('states', `stateMachine:${name}`) },
    { action: 'states:DescribeExecution', resource: arn('states', `execution:${name}:*`) },
    { action: 'states:StopExecution', resource: arn('states', `execution:${name}:*`) },
    { action: 's3:GetObject', resource: runFiles(ItemReader.Parameters.Bucket) },
    ...['s3:GetObject', 's3:PutObject', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload'].map(
      (action) => ({ action, resource: written }),
    ),
  ];
}

function needsOf({ States }: Pick<Workflow, 'States'>): Need[] {
  return Object.entries(States).flatMap(([name, state]: [string, State]): Need[] => {
    if (state.Type === 'Map') return [...needsOfMap(state), ...needsOf(state.ItemProcessor)];
    if (state.Type === 'Parallel') return state.Branches.flatMap(needsOf);
    if (state.Type !== 'Task') return [];
    const integration = INTEGRATIONS[state.Resource];
    if (!integration)
      throw new Error(`${name} calls ${state.Resource}, of which no permissions are known here.`);
    return integration(state.Parameters);
  });
}

/** What the state machine itself is configured to do; neither service has resources to name. */
const OWN = [
  // https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html
  'xray:GetSamplingRules',
  'xray:GetSamplingTargets',
  'xray:PutTelemetryRecords',
  'xray:PutTraceSegments',
  // https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
  'logs:CreateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:DescribeLogGroups',
  'logs:DescribeResourcePolicies',
  'logs:GetLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:UpdateLogDelivery',
].map((action) => ({ action, resource: '*' }));

test('the stack deploys the output of npm run asl, and substitutes every name in it', () => {
  const { DefinitionString, DefinitionSubstitutions } = stateMachine;
  expect(DefinitionString).toBe(jobDefinitionText());
  const names = [...new Set([...jobDefinitionText().matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!))];
  expect(Object.keys(DefinitionSubstitutions).sort()).toEqual(names.sort());
});

test('the state machine is allowed the calls of its states, and nothing else', () => {
  const role = flat(stateMachine.RoleArn).slice(1, -'.Arn>'.length);
  const granted = allowedBy(synthesized.template, role);
  const needed = needsOf(JSON.parse(stateMachine.DefinitionString));
  expect(needed.length).toBeGreaterThan(20);
  expect(lines(granted)).toEqual(lines([...needed, ...OWN]));
});
