import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { consoleUrl } from '../../../lambdas/api/get-execution.ts';
import { LOCAL_AWS } from '../../support/aws-clients.ts';
import { Fleet, writeAndSubmit } from '../../support/fleet.ts';
import { until } from '../../support/until.ts';

const NAMES = ['a', 'b'];
let fleet: Fleet;
let letGo: () => void;
const held = new Promise<void>((resolve) => {
  letGo = resolve;
});

beforeAll(async () => {
  fleet = await Fleet.start({
    names: NAMES,
    script: async (request) => {
      await held;
      return writeAndSubmit(request);
    },
  });
});
afterAll(() => fleet.close());

type State = { name: string; status?: string; times?: number; enteredAt?: string; now?: object };
type Lane = { lane: string; counts?: object; children: object[]; states: State[] };
type Execution = { run: number; status: string; execution: object; consoleUrl?: string; lanes: Lane[] };

async function executionOf(jobId: string, search = ''): Promise<Execution> {
  const { status, json } = await fleet.call('GET', `/jobs/${jobId}/execution${search}`);
  expect(status).toBe(200);
  return json as unknown as Execution;
}
const laneOf = ({ lanes }: Execution, name: string) => lanes.find(({ lane }) => lane === name)!;
const stateOf = (execution: Execution, lane: string, name: string) =>
  laneOf(execution, lane).states.find((state) => state.name === name)!;

test('the graph of a job shows what is in each state while it runs, after its end, and of each of its runs', async () => {
  const jobId = await fleet.post(NAMES, { prompt: 'Change it.', createPullRequests: true });
  const converses = async () => {
    const execution = await executionOf(jobId);
    const { now } = stateOf(execution, 'repository', 'AnalyzeRepository') as { now?: { phases?: object } };
    // What Step Functions knows of a running execution may be 5 seconds older than the rows.
    const [children] = laneOf(execution, 'repository').children as { running: number }[];
    const isShown = now?.phases && 'conversing' in now.phases && children?.running === 2;
    return isShown ? execution : undefined;
  };
  // Each look reads the execution's history.
  const running = await until('a worker converses', converses, undefined, 200);
  expect(running).toMatchObject({ run: 1, status: 'processing', execution: { status: 'RUNNING' } });
  expect(stateOf(running, 'job', 'AnalyzeRepositories')).toMatchObject({
    status: 'running',
    times: 1,
    enteredAt: expect.any(String),
  });
  expect(stateOf(running, 'job', 'ResolveRepositories').status).toBe('succeeded');
  expect(stateOf(running, 'job', 'CompleteJob')).not.toHaveProperty('status');
  expect(laneOf(running, 'repository')).toMatchObject({
    counts: { total: 2, processing: 2 },
    children: [{ map: 'AnalyzeRepositories', status: 'RUNNING', running: 2, total: 2 }],
  });
  expect(stateOf(running, 'repository', 'AnalyzeRepository').now).toMatchObject({
    count: 2,
    since: expect.any(String),
  });

  letGo();
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'completed' });
  const ended = await until('the execution has ended', async () => {
    const execution = await executionOf(jobId);
    return (execution.execution as { status: string }).status === 'SUCCEEDED' ? execution : undefined;
  });
  expect(ended).not.toHaveProperty('consoleUrl');
  expect(ended.lanes.flatMap(({ states }) => states).filter(({ now }) => now)).toEqual([]);
  expect(stateOf(ended, 'job', 'CompleteJob').status).toBe('succeeded');
  expect(laneOf(ended, 'repository').counts).toMatchObject({ total: 2, completed: 2 });
  expect(laneOf(ended, 'pullRequest').children).toMatchObject([{ map: 'OpenPullRequests', succeeded: 2 }]);

  expect((await fleet.call('POST', `/jobs/${jobId}/pull-requests`)).status).toBe(409);
  expect(await executionOf(jobId, '?run=1')).toEqual(ended);
  expect(await fleet.call('GET', `/jobs/${jobId}/execution?run=2`)).toMatchObject({
    status: 404,
    json: { detail: expect.stringContaining('its newest is run 1') },
  });
  expect((await fleet.call('GET', `/jobs/${jobId}/execution?run=0`)).status).toBe(400);

  // After 90 days Step Functions has forgotten the execution, but the job is still there.
  const forgotten = `job-${'0'.repeat(26)}`;
  const tables = DynamoDBDocumentClient.from(
    new DynamoDBClient({ ...LOCAL_AWS, endpoint: fleet.stack.awsVariables.AWS_ENDPOINT_URL_DYNAMODB! }),
  );
  const TableName = 'cody-batch-local-jobs';
  const { Item } = await tables.send(new GetCommand({ TableName, Key: { jobId } }));
  await tables.send(new PutCommand({ TableName, Item: { ...Item, jobId: forgotten } }));
  const without = await executionOf(forgotten);
  expect(without).toMatchObject({ status: 'completed', execution: { status: 'unknown' } });
  expect(without.lanes.map(({ lane, states }) => [lane, states.length])).toEqual(
    ended.lanes.map(({ lane, states }) => [lane, states.length]),
  );
  expect((await fleet.call('DELETE', `/jobs/${jobId}`)).status).toBe(204);
  expect((await fleet.call('GET', `/jobs/${jobId}/execution`)).status).toBe(404);
});

test('an execution on AWS has the address of its page in the console', () => {
  const arn = 'arn:aws:states:eu-west-1:123456789012:execution:cody-batch-dev-job:job-1';
  expect(consoleUrl(arn)).toBe(
    `https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/${encodeURIComponent(arn)}`,
  );
  expect(consoleUrl(arn.replace('123456789012', '000000000000'))).toBeUndefined();
  expect(consoleUrl(arn.replace('arn:aws:', 'arn:aws-cn:'))).toContain('console.amazonaws.cn/');
});
