import { BatchClient, DescribeJobsCommand, type JobDetail, ListJobsCommand } from '@aws-sdk/client-batch';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  StopExecutionCommand,
  UpdateMapRunCommand,
} from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type LocalBatch, startBatch } from '../../../local/batch/server.ts';
import { LOCAL_AWS } from '../../support/aws-clients.ts';
import { BUCKET, invoke, TABLE, TestEngine } from '../../support/states-engine.ts';
import { until } from '../../support/until.ts';

let engine: TestEngine;
let batch: LocalBatch | undefined;
let batchClient: BatchClient | undefined;

beforeEach(async () => {
  engine = new TestEngine();
  await engine.open();
});

afterEach(async () => {
  await engine.states?.close();
  engine.states = undefined;
  batchClient?.destroy();
  await batch?.close();
  batch = undefined;
  await engine.close();
});

/** A machine of one Distributed Map over the manifest at `$.key`. */
function mapOver(child: { StartAt: string; States: object }, fields: object = {}): object {
  return {
    StartAt: 'Each',
    States: {
      Each: {
        Type: 'Map',
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
          ReaderConfig: { InputType: 'JSON' },
          Parameters: { Bucket: BUCKET, 'Key.$': '$.key' },
        },
        ItemSelector: {
          'jobId.$': '$.jobId',
          'index.$': '$$.Map.Item.Index',
          'name.$': '$$.Map.Item.Value.name',
          'parent.$': '$$.Execution.Name',
        },
        MaxConcurrencyPath: '$.concurrency',
        ToleratedFailurePercentage: 100,
        ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' }, ...child },
        ResultWriter: {
          Resource: 'arn:aws:states:::s3:putObject',
          Parameters: { Bucket: BUCKET, Prefix: 'results' },
        },
        Label: 'Each',
        ResultPath: '$.written',
        End: true,
        ...fields,
      },
    },
  };
}

function manifest(count: number): object {
  engine.objects.set(
    'manifest.json',
    JSON.stringify(Array.from({ length: count }, (_, i) => ({ name: `n${i}` }))),
  );
  return { key: 'manifest.json', jobId: 'job', concurrency: 20 };
}

test('300 items run as 300 children whose results are written, and one failure does not affect the others', async () => {
  let running = 0;
  let most = 0;
  await engine.start(mapOver({ StartAt: 'Work', States: { Work: invoke('work', { End: true }) } }), {
    work: async ({ index }: { index: number }) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
      if (index === 7) throw Object.assign(new Error('the seventh'), { name: 'Seventh' });
      return index;
    },
  });

  const execution = await engine.run('fleet', manifest(300));
  expect(execution.status).toBe('SUCCEEDED');
  expect(most).toBe(20);
  const { written } = JSON.parse(execution.output!);
  const { Key } = written.ResultWriterDetails;
  expect(written).toEqual({
    MapRunArn: expect.stringMatching(/^arn:aws:states:us-east-1:000000000000:mapRun:lifecycle\/Each:/),
    ResultWriterDetails: {
      Bucket: BUCKET,
      Key: expect.stringMatching(/^results\/[\w-]{36}\/manifest\.json$/),
    },
  });
  const index = JSON.parse(engine.objects.get(Key)!);
  expect(index).toMatchObject({
    DestinationBucket: BUCKET,
    MapRunArn: written.MapRunArn,
    ResultFiles: { PENDING: [] },
  });
  const read = ([file]: { Key: string; Size: number }[]) => {
    const text = engine.objects.get(file!.Key)!;
    expect(file!.Size).toBe(Buffer.byteLength(text));
    return JSON.parse(text);
  };
  const succeeded = read(index.ResultFiles.SUCCEEDED);
  expect(succeeded).toHaveLength(299);
  const [failed] = read(index.ResultFiles.FAILED);
  expect(failed).toMatchObject({
    Status: 'FAILED',
    Error: 'Seventh',
    StateMachineArn: expect.stringMatching(/\/Each$/),
  });
  expect(JSON.parse(failed.Input)).toEqual({ jobId: 'job', index: 7, name: 'n7', parent: 'fleet' });

  const { client } = engine;
  const { mapRuns } = await client.send(new ListMapRunsCommand({ executionArn: execution.executionArn }));
  const mapRunArn = mapRuns![0]!.mapRunArn;
  expect(mapRunArn).toBe(written.MapRunArn);
  expect(await client.send(new DescribeMapRunCommand({ mapRunArn }))).toMatchObject({
    status: 'SUCCEEDED',
    maxConcurrency: 20,
    itemCounts: { total: 300, succeeded: 299, failed: 1, pending: 0, running: 0, resultsWritten: 300 },
  });
  const children = await client.send(new ListExecutionsCommand({ mapRunArn, statusFilter: 'FAILED' }));
  expect(children.executions).toHaveLength(1);
  const childArn = children.executions![0]!.executionArn!;
  expect(childArn).toBe(failed.ExecutionArn);
  const child = await client.send(new DescribeExecutionCommand({ executionArn: childArn }));
  expect(child).toMatchObject({ mapRunArn, error: 'Seventh', input: failed.Input });
  expect((await engine.history(childArn)).map(({ type }) => type)).toEqual([
    'ExecutionStarted',
    'TaskStateEntered',
    'TaskScheduled',
    'TaskStarted',
    'TaskFailed',
    'ExecutionFailed',
  ]);

  const small = await engine.run('small', manifest(3));
  const typesOf = async (arn: string) => (await engine.history(arn)).map(({ type }) => type);
  expect(await typesOf(execution.executionArn!)).toEqual(await typesOf(small.executionArn!));
  expect(await typesOf(small.executionArn!)).toEqual([
    'ExecutionStarted',
    'MapStateEntered',
    'MapStateStarted',
    'MapRunStarted',
    'MapRunSucceeded',
    'MapStateSucceeded',
    'MapStateExited',
    'ExecutionSucceeded',
  ]);
});

test('the concurrency of a running Map can be raised and lowered', async () => {
  const waiting: (() => void)[] = [];
  await engine.start(mapOver({ StartAt: 'Work', States: { Work: invoke('work', { End: true }) } }), {
    work: () => new Promise<void>((resolve) => waiting.push(resolve)),
  });
  const { client } = engine;
  const executionArn = await engine.begin('resized', { ...manifest(9), concurrency: 2 });
  await until('the first two children', () => waiting.length === 2);
  const { mapRuns } = await client.send(new ListMapRunsCommand({ executionArn }));
  const mapRunArn = mapRuns![0]!.mapRunArn!;
  const resize = (maxConcurrency: number) =>
    client.send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency }));
  const running = async () =>
    (await client.send(new DescribeMapRunCommand({ mapRunArn }))).itemCounts!.running;

  await resize(5);
  await until('five children', () => waiting.length === 5);
  expect(await client.send(new DescribeMapRunCommand({ mapRunArn }))).toMatchObject({ maxConcurrency: 5 });
  await resize(1);
  for (const end of waiting.splice(0, 4)) end();
  await until('the last child of the five', async () => (await running()) === 1);
  expect(waiting).toHaveLength(1);
  waiting.splice(0).forEach((end) => {
    end();
  });
  await until('the sixth child', () => waiting.length === 1);
  await resize(0);
  await until('all that are left', () => waiting.length === 4);
  for (const end of waiting) end();
  expect((await engine.ended(executionArn)).status).toBe('SUCCEEDED');
  await expect(resize(3)).rejects.toMatchObject({ name: 'ValidationException' });
});

test('a Map with too many failures fails with AWS’s error, and items that never started are pending', async () => {
  const onError = (Next: string, error: string) => ({
    ToleratedFailurePercentage: 10,
    MaxConcurrencyPath: undefined,
    MaxConcurrency: 1,
    End: undefined,
    Next,
    Catch: [{ ErrorEquals: [error], ResultPath: '$.error', Next }],
  });
  const definition = mapOver(
    { StartAt: 'Work', States: { Work: { Type: 'Fail', Error: 'Broken', Cause: 'always' } } },
    onError('Done', 'States.ExceedToleratedFailureThreshold'),
  ) as { States: Record<string, object> };
  definition.States.Done = { Type: 'Succeed' };
  await engine.start(definition);

  const execution = await engine.run('broken', manifest(20));
  expect(JSON.parse(execution.output!).error.Error).toBe('States.ExceedToleratedFailureThreshold');
  const index = [...engine.objects].find(([key]) => key.endsWith('manifest.json') && key !== 'manifest.json');
  const { FAILED, PENDING } = JSON.parse(index![1]).ResultFiles;
  expect(JSON.parse(engine.objects.get(FAILED[0].Key)!)).toHaveLength(3);
  expect(JSON.parse(engine.objects.get(PENDING[0].Key)!)).toHaveLength(17);

  expect(await engine.run('unreadable', { key: 'absent.json', jobId: 'job' })).toMatchObject({
    status: 'FAILED',
    error: 'States.ItemReaderFailed',
    cause: expect.stringContaining('absent.json'),
  });
});

/** Batch with a job definition whose only parameter decides what the child does. */
async function startWorkers(): Promise<object> {
  const listeners: ((job: JobDetail) => void)[] = [];
  batch = await startBatch({
    access: 'anyone',
    dataFolder: engine.folder,
    jobQueue: 'queue',
    jobDefinitions: [
      {
        name: 'worker',
        command: [process.execPath, '-e', 'eval(process.argv[1])', 'Ref::script'],
        environment: {},
        attempts: 1,
        timeoutSeconds: 60,
      },
    ],
    maxRunning: 4,
    stopTimeoutSeconds: 1,
    onJobStateChange: ({ detail }) => {
      for (const listener of listeners) listener(detail);
    },
  });
  batchClient = new BatchClient({ ...LOCAL_AWS, endpoint: batch.url });
  return {
    batch: batchClient,
    subscribeToBatch: (listener: (job: JobDetail) => void) => void listeners.push(listener),
  };
}

const SCRIPTS: Record<string, string> = {
  n0: 'process.exit(0)',
  n1: 'process.exit(3)',
  n2: 'never started',
  n3: 'setInterval(() => {}, 1000)',
};

/** The lifecycle's child workflow. A function provides the script that the manifest has otherwise. */
const analyze = {
  StartAt: 'StartRepository',
  States: {
    StartRepository: {
      Type: 'Task',
      Resource: 'arn:aws:states:::dynamodb:updateItem',
      Parameters: {
        TableName: TABLE,
        Key: { id: { 'S.$': '$.name' } },
        ConditionExpression: 'attribute_not_exists(ended)',
        UpdateExpression: 'SET startedAt = :now',
        ExpressionAttributeValues: { ':now': { 'S.$': '$$.Execution.StartTime' } },
      },
      ResultPath: null,
      TimeoutSeconds: 60,
      Catch: [
        { ErrorEquals: ['DynamoDB.ConditionalCheckFailedException'], ResultPath: null, Next: 'AlreadyEnded' },
      ],
      Next: 'Script',
    },
    AlreadyEnded: { Type: 'Succeed' },
    Script: invoke('script', { Next: 'AnalyzeRepository' }),
    AnalyzeRepository: {
      Type: 'Task',
      Resource: 'arn:aws:states:::batch:submitJob.sync',
      Parameters: {
        'JobName.$': "States.Format('{}-{}', $.jobId, $.name)",
        JobQueue: 'queue',
        JobDefinition: 'worker',
        Parameters: { 'script.$': '$.script.value' },
        Tags: { 'cody-batch:repository.$': '$.name' },
        PropagateTags: true,
        Timeout: { AttemptDurationSeconds: 60 },
      },
      ResultSelector: { 'jobId.$': '$.JobId', 'status.$': '$.Status', 'tags.$': '$.Tags' },
      ResultPath: '$.batch',
      TimeoutSeconds: 604_800,
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'RecordFailure' }],
      Next: 'RecordResult',
    },
    RecordResult: {
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke',
      Parameters: { FunctionName: 'recordResult', 'Payload.$': '$' },
      TimeoutSeconds: 60,
      ResultSelector: { 'resumeAt.$': '$.Payload' },
      ResultPath: '$.recorded',
      Next: 'IsThrottled',
    },
    IsThrottled: {
      Type: 'Choice',
      Choices: [
        {
          And: [
            { Variable: '$.recorded.resumeAt', IsPresent: true },
            { Variable: '$.recorded.resumeAt', IsNull: false },
          ],
          Next: 'WaitForModel',
        },
      ],
      Default: 'Recorded',
    },
    WaitForModel: { Type: 'Wait', TimestampPath: '$.recorded.resumeAt', Next: 'AnalyzeRepository' },
    Recorded: { Type: 'Succeed' },
    RecordFailure: invoke('recordFailure', { ResultPath: null, ResultSelector: undefined, End: true }),
  },
};

test('a repository is analyzed, resumed when throttled, recorded when its job fails, and skipped when it has ended', async () => {
  const recorded: { name: string; batch: { jobId: string; status: string; tags: object } }[] = [];
  const failures: { name: string; error: { Error: string; Cause: string } }[] = [];
  await engine.start(
    mapOver(analyze),
    {
      script: ({ name }: { name: string }) => SCRIPTS[name],
      recordResult: (input: (typeof recorded)[number]) => {
        recorded.push(input);
        return recorded.length === 1 ? new Date(Date.now() + 3_600_000).toISOString() : undefined;
      },
      recordFailure: (input: (typeof failures)[number]) => void failures.push(input),
    },
    { ...(await startWorkers()), timeScale: 1_000_000 },
  );
  await engine.dynamodb.send(
    new PutItemCommand({ TableName: TABLE, Item: { id: { S: 'n2' }, ended: { BOOL: true } } }),
  );

  const execution = await engine.run('analysis', manifest(3));

  expect(execution.status).toBe('SUCCEEDED');
  expect(recorded.map(({ name, batch }) => [name, batch.status, batch.tags])).toEqual(
    Array(2).fill(['n0', 'SUCCEEDED', { 'cody-batch:repository': 'n0' }]),
  );
  expect(recorded[0]!.batch.jobId).not.toBe(recorded[1]!.batch.jobId);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatchObject({ name: 'n1', error: { Error: 'States.TaskFailed' } });
  expect(JSON.parse(failures[0]!.error.Cause)).toMatchObject({
    JobName: 'job-n1',
    Status: 'FAILED',
    Attempts: [{ Container: { ExitCode: 3 } }],
    Parameters: { script: 'process.exit(3)' },
  });
});

test('stopping an execution ends its children and terminates their Batch jobs', async () => {
  await engine.start(
    mapOver(analyze),
    { script: () => SCRIPTS.n3, recordFailure: () => {}, recordResult: () => {} },
    await startWorkers(),
  );
  const executionArn = await engine.begin('stopped', manifest(2));
  const running = () => batchClient!.send(new ListJobsCommand({ jobQueue: 'queue', jobStatus: 'RUNNING' }));
  const { jobSummaryList } = await until('two jobs to run', async () => {
    const answer = await running();
    return answer.jobSummaryList?.length === 2 ? answer : undefined;
  });
  await engine.client.send(new StopExecutionCommand({ executionArn, error: 'Cancelled' }));

  expect(await engine.ended(executionArn)).toMatchObject({ status: 'ABORTED', error: 'Cancelled' });
  const jobs = jobSummaryList!.map(({ jobId }) => jobId!);
  const ended = await until('the end of both', async () => {
    const answer = await batchClient!.send(new DescribeJobsCommand({ jobs }));
    return answer.jobs!.every(({ status }) => status === 'FAILED') ? answer.jobs : undefined;
  });
  expect(ended!.map(({ statusReason }) => statusReason)).toEqual(
    Array(2).fill('The Step Functions task that waits for this job was stopped.'),
  );
  const { mapRuns } = await engine.client.send(new ListMapRunsCommand({ executionArn }));
  const { mapRunArn } = mapRuns![0]!;
  expect(await engine.client.send(new DescribeMapRunCommand({ mapRunArn }))).toMatchObject({
    status: 'ABORTED',
    executionCounts: { aborted: 2, running: 0, total: 2 },
  });
});

test('an unreachable Batch fails the task with Step Functions’ error, which is retried', async () => {
  const { AnalyzeRepository } = analyze.States;
  await engine.start({
    StartAt: 'AnalyzeRepository',
    States: { AnalyzeRepository: { ...AnalyzeRepository, Catch: undefined, Next: undefined, End: true } },
  });
  const input = { jobId: 'job', name: 'n', script: { value: '' } };
  expect(await engine.run('unreachable', input)).toMatchObject({
    status: 'FAILED',
    error: 'Batch.SdkClientException',
  });
});
