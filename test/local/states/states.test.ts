import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { invoke, TABLE, TestEngine } from '../../support/states-engine.ts';
import { until } from '../../support/until.ts';

let engine: TestEngine;

beforeEach(async () => {
  engine = new TestEngine();
  await engine.open();
});

afterEach(() => engine.close());

const types = (events: { type?: string }[]) => events.map(({ type }) => type);

test('an execution can be started, followed state by state and read afterwards with the official SDK', async () => {
  await engine.start(
    {
      StartAt: 'Double',
      States: {
        Double: invoke('double', { Next: 'IsLarge' }),
        IsLarge: {
          Type: 'Choice',
          Choices: [{ Variable: '$.double.value', NumericGreaterThan: 10, Next: 'Describe' }],
          Default: 'Small',
        },
        Describe: {
          Type: 'Pass',
          Parameters: { 'text.$': "States.Format('{} by {}', $.double.value, $$.Execution.Name)" },
          Next: 'Rest',
        },
        Rest: { Type: 'Wait', Seconds: 1, Next: 'Done' },
        Done: { Type: 'Succeed' },
        Small: { Type: 'Fail', Error: 'TooSmall', Cause: 'The number is too small.' },
      },
    },
    { double: ({ n }: { n: number }) => n * 2 },
    { timeScale: 1000 },
  );

  const execution = await engine.run('happy', { n: 21 });

  expect(execution).toMatchObject({ status: 'SUCCEEDED', name: 'happy', input: '{"n":21}' });
  expect(JSON.parse(execution.output!)).toEqual({ text: '42 by happy' });
  expect(execution.stopDate!.getTime()).toBeGreaterThanOrEqual(execution.startDate!.getTime());
  const events = await engine.history(execution.executionArn!);
  expect(types(events)).toEqual([
    'ExecutionStarted',
    'TaskStateEntered',
    'TaskScheduled',
    'TaskStarted',
    'TaskSucceeded',
    'TaskStateExited',
    'ChoiceStateEntered',
    'ChoiceStateExited',
    'PassStateEntered',
    'PassStateExited',
    'WaitStateEntered',
    'WaitStateExited',
    'SucceedStateEntered',
    'SucceedStateExited',
    'ExecutionSucceeded',
  ]);
  expect(events.map(({ id, previousEventId }) => [id, previousEventId])).toEqual(
    events.map((_, index) => [index + 1, index]),
  );
  expect(events[2]?.taskScheduledEventDetails).toMatchObject({
    resourceType: 'lambda',
    resource: 'invoke',
    region: 'us-east-1',
    parameters: '{"FunctionName":"double","Payload":{"n":21}}',
    timeoutInSeconds: 60,
  });
  expect(JSON.parse(events[5]!.stateExitedEventDetails!.output!)).toEqual({ n: 21, double: { value: 42 } });
  expect(events[0]?.timestamp).toEqual(execution.startDate);
  expect(engine.statusChanges.map(({ detail }) => [detail.name, detail.status])).toEqual([
    ['happy', 'RUNNING'],
    ['happy', 'SUCCEEDED'],
  ]);
  expect(await engine.run('unhappy', { n: 1 })).toMatchObject({
    status: 'FAILED',
    error: 'TooSmall',
    cause: 'The number is too small.',
  });
});

test('long lists come in pages, newest execution first, and a history from either end', async () => {
  await engine.start({ StartAt: 'A', States: { A: { Type: 'Pass', End: true } } });
  const executionArn = (await engine.run('first')).executionArn!;
  for (const name of ['second', 'third']) await engine.run(name);
  const { client, states } = engine;
  const stateMachineArn = states!.stateMachineArn;

  const page1 = await client.send(new ListExecutionsCommand({ stateMachineArn, maxResults: 2 }));
  const page2 = await client.send(
    new ListExecutionsCommand({ stateMachineArn, maxResults: 2, nextToken: page1.nextToken }),
  );
  expect(page1.executions?.map(({ name }) => name)).toEqual(['third', 'second']);
  expect(page2.executions?.map(({ name }) => name)).toEqual(['first']);
  expect(page2.nextToken).toBeUndefined();
  const running = await client.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' }));
  expect(running.executions).toEqual([]);

  const backwards = await client.send(
    new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 3 }),
  );
  expect(types(backwards.events!)).toEqual(['ExecutionSucceeded', 'PassStateExited', 'PassStateEntered']);
  const rest = await client.send(
    new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, nextToken: backwards.nextToken }),
  );
  expect(types(rest.events!)).toEqual(['ExecutionStarted']);
});

test('a failing function is retried as often as its retrier allows, then caught by its name', async () => {
  let calls = 0;
  await engine.start(
    {
      StartAt: 'Work',
      States: {
        Work: invoke('work', {
          Retry: [{ ErrorEquals: ['ModelBusy'], IntervalSeconds: 2, MaxAttempts: 2, JitterStrategy: 'FULL' }],
          Catch: [
            { ErrorEquals: ['NeverThrown'], Next: 'Recover' },
            { ErrorEquals: ['ModelBusy'], ResultPath: '$.error', Next: 'Recover' },
          ],
          End: true,
        }),
        Recover: { Type: 'Pass', End: true },
      },
    },
    {
      work: () => {
        calls += 1;
        throw Object.assign(new Error('come back later'), { name: 'ModelBusy' });
      },
    },
    { timeScale: 1000 },
  );

  const execution = await engine.run('retried', { kept: true });

  expect(calls).toBe(3);
  const output = JSON.parse(execution.output!);
  expect(output).toMatchObject({ kept: true, error: { Error: 'ModelBusy' } });
  expect(JSON.parse(output.error.Cause)).toMatchObject({
    errorType: 'ModelBusy',
    errorMessage: 'come back later',
  });
  const failures = (await engine.history(execution.executionArn!)).filter(
    ({ type }) => type === 'TaskFailed',
  );
  expect(failures.map(({ taskFailedEventDetails }) => taskFailedEventDetails?.error)).toEqual(
    Array(3).fill('ModelBusy'),
  );
});

const updateRow = {
  Type: 'Task',
  Resource: 'arn:aws:states:::dynamodb:updateItem',
  Parameters: {
    TableName: TABLE,
    Key: { id: { 'S.$': '$.id' } },
    UpdateExpression: 'SET #status = :processing, #run = :run',
    ConditionExpression: '#status = :pending',
    ExpressionAttributeNames: { '#status': 'status', '#run': 'run' },
    ExpressionAttributeValues: {
      ':pending': { S: 'pending' },
      ':processing': { S: 'processing' },
      ':run': { 'N.$': "States.Format('{}', $.run)" },
    },
  },
  ResultPath: null,
  TimeoutSeconds: 60,
};

test('a row that has already ended is not written, and the skip is caught by Step Functions’ error name', async () => {
  await engine.start({
    StartAt: 'Start',
    States: {
      Start: {
        ...updateRow,
        Catch: [
          { ErrorEquals: ['DynamoDB.ConditionalCheckFailedException'], ResultPath: null, Next: 'Skipped' },
        ],
        Next: 'Read',
      },
      Read: {
        Type: 'Task',
        Resource: 'arn:aws:states:::dynamodb:getItem',
        Parameters: { TableName: TABLE, Key: { id: { 'S.$': '$.id' } } },
        ResultSelector: { 'status.$': '$.Item.status.S', 'run.$': '$.Item.run.N' },
        TimeoutSeconds: 60,
        End: true,
      },
      Skipped: { Type: 'Pass', Result: 'skipped', End: true },
    },
  });
  const put = (id: string, status: string) =>
    engine.dynamodb.send(
      new PutItemCommand({ TableName: TABLE, Item: { id: { S: id }, status: { S: status } } }),
    );
  await put('a', 'pending');
  await put('b', 'completed');

  expect((await engine.run('a', { id: 'a', run: 3 })).output).toBe('{"status":"processing","run":"3"}');
  expect((await engine.run('b', { id: 'b', run: 3 })).output).toBe('"skipped"');
  const { Item } = await engine.dynamodb.send(
    new GetItemCommand({ TableName: TABLE, Key: { id: { S: 'b' } } }),
  );
  expect(Item).toEqual({ id: { S: 'b' }, status: { S: 'completed' } });
});

test('an error of DynamoDB that is not in its model has the name that the retry policies expect', async () => {
  const Start = {
    ...updateRow,
    Parameters: { ...updateRow.Parameters, UpdateExpression: 'no such verb' },
    End: true,
  };
  await engine.start({ StartAt: 'Start', States: { Start } });
  expect(await engine.run('refused', { id: 'a', run: 1 })).toMatchObject({
    status: 'FAILED',
    error: 'DynamoDB.AmazonDynamoDBException',
  });
});

const catchAll = [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Caught' }];
const large = 'x'.repeat(150 * 1024);

test.each([
  ['a result', () => large + large, undefined],
  ['an input and a result that fit only one by one', () => large, undefined],
  ['a path that leads nowhere', () => 1, { 'value.$': '$.Payload.absent' }],
])('States.ALL does not catch what it does not catch on AWS: %s', async (_, work, ResultSelector) => {
  const Work = {
    ...invoke('work', { Catch: catchAll, Next: 'After' }),
    ...(ResultSelector && { ResultSelector }),
  };
  let ranOn = false;
  await engine.start(
    { StartAt: 'Work', States: { Work, After: invoke('after', { End: true }), Caught: { Type: 'Succeed' } } },
    {
      work,
      after: () => {
        ranOn = true;
      },
    },
  );
  const { status, error } = await engine.run('limits', { large });
  expect([status, error]).toEqual(['FAILED', ResultSelector ? 'States.Runtime' : 'States.DataLimitExceeded']);
  expect(ranOn).toBe(false);
});

test('a task past its time-out is aborted, and only States.Timeout or States.ALL catches it', async () => {
  let told = false;
  await engine.start(
    {
      StartAt: 'Work',
      States: {
        Work: invoke('work', {
          TimeoutSeconds: 1,
          Catch: [{ ErrorEquals: ['States.TaskFailed'], Next: 'Wrong' }, ...catchAll],
          End: true,
        }),
        Wrong: { Type: 'Fail', Error: 'Wrong', Cause: 'TaskFailed matched a time-out' },
        Caught: { Type: 'Succeed' },
      },
    },
    {
      work: (_: never, { signal }: { signal: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            told = true;
            reject(new Error('stopped'));
          });
        }),
    },
  );
  const execution = await engine.run('slow');
  expect(JSON.parse(execution.output!).error.Error).toBe('States.Timeout');
  expect(told).toBe(true);
  expect(types(await engine.history(execution.executionArn!))).toContain('TaskTimedOut');
});

test('an execution past the machine’s time-out is TIMED_OUT, and its task is aborted', async () => {
  let told = false;
  await engine.start(
    {
      TimeoutSeconds: 1,
      StartAt: 'Work',
      States: { Work: invoke('work', { Catch: catchAll, End: true }), Caught: { Type: 'Succeed' } },
    },
    {
      work: (_: never, { signal }: { signal: AbortSignal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            told = true;
            resolve();
          });
        }),
    },
  );
  const execution = await engine.run('endless');
  expect(execution).toMatchObject({ status: 'TIMED_OUT', error: 'States.Timeout' });
  expect(types(await engine.history(execution.executionArn!)).at(-1)).toBe('ExecutionTimedOut');
  expect(told).toBe(true);
});

test('choices compare by type, and text with backslashes and quotes arrives as it was sent', async () => {
  const rule = (condition: object, Next: string) => ({ ...condition, Next });
  const text = 'C:\\folder, "quoted" (a)';
  await engine.start({
    StartAt: 'Which',
    States: {
      Which: {
        Type: 'Choice',
        Choices: [
          rule({ Variable: '$.count', NumericGreaterThan: 0 }, 'Number'),
          rule(
            {
              And: [
                { Variable: '$.absent', IsPresent: false },
                { Variable: '$.count', IsString: true },
              ],
            },
            'Text',
          ),
        ],
      },
      Number: { Type: 'Pass', Result: 'number', End: true },
      Text: { Type: 'Pass', Parameters: { 'said.$': "States.Format('{}', $.text)" }, End: true },
    },
  });
  expect((await engine.run('number', { count: 5 })).output).toBe('"number"');
  expect(JSON.parse((await engine.run('text', { count: '5', text })).output!)).toEqual({ said: text });
  expect(await engine.run('neither', { count: false })).toMatchObject({ error: 'States.NoChoiceMatched' });
});

test('States.Hash gives the same hash as on AWS, and a null OutputPath gives an empty object', async () => {
  await engine.start({
    StartAt: 'Hash',
    States: {
      Hash: {
        Type: 'Pass',
        Parameters: {
          // The example of AWS's page on intrinsic functions.
          'sha1.$': "States.Hash($.text, 'SHA-1')",
          'sha256.$': "States.Hash(States.Format('{}', $.text), 'SHA-256')",
        },
        ResultPath: '$.hashes',
        Next: 'IsText',
      },
      IsText: {
        Type: 'Choice',
        Choices: [{ Variable: '$.silent', BooleanEquals: true, Next: 'Silent' }],
        Default: 'Told',
      },
      Silent: { Type: 'Succeed', OutputPath: null },
      Told: { Type: 'Succeed', OutputPath: '$.hashes' },
    },
  });
  const text = 'input data';
  expect(JSON.parse((await engine.run('told', { text, silent: false })).output!)).toEqual({
    sha1: 'aaff4a450a104cd177d28d18d74485e8cae074b7',
    sha256: createHash('sha256').update(text).digest('hex'),
  });
  expect((await engine.run('silent', { text, silent: true })).output).toBe('{}');
  expect(await engine.run('number', { text: 5, silent: false })).toMatchObject({
    error: 'States.IntrinsicFailure',
  });
});

test('the same name and input is the same running execution, and any other use of the name is refused', async () => {
  const gate = Promise.withResolvers<void>();
  let calls = 0;
  await engine.start(
    { StartAt: 'Work', States: { Work: invoke('work', { End: true }) } },
    {
      work: () => {
        calls += 1;
        return gate.promise;
      },
    },
  );
  const executionArn = await engine.begin('once', { n: 1 });
  expect(await engine.begin('once', { n: 1 })).toBe(executionArn);
  await expect(engine.begin('once', { n: 2 })).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
  gate.resolve();
  await engine.ended(executionArn);
  await expect(engine.begin('once', { n: 1 })).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
  expect(calls).toBe(1);
});

test('requests that AWS would refuse are refused here with the same error names', async () => {
  await engine.start({ StartAt: 'A', States: { A: { Type: 'Succeed' } } });
  const { client, states } = engine;
  const { stateMachineArn } = states!;
  const start = (request: { name?: string; input?: string; stateMachineArn?: string }) =>
    client.send(new StartExecutionCommand({ stateMachineArn, ...request }));
  const executionArn = `${stateMachineArn.replace('stateMachine', 'execution')}:none`;

  await expect(start({ name: 'a/b' })).rejects.toMatchObject({ name: 'InvalidName' });
  await expect(start({ name: 'x'.repeat(81) })).rejects.toMatchObject({ name: 'InvalidName' });
  await expect(start({ input: '{' })).rejects.toMatchObject({ name: 'InvalidExecutionInput' });
  await expect(start({ input: JSON.stringify('x'.repeat(262_144)) })).rejects.toMatchObject({
    name: 'InvalidExecutionInput',
  });
  await expect(start({ stateMachineArn: 'arn:other' })).rejects.toMatchObject({
    name: 'StateMachineDoesNotExist',
  });
  await expect(client.send(new DescribeExecutionCommand({ executionArn }))).rejects.toMatchObject({
    name: 'ExecutionDoesNotExist',
  });
  await expect(
    client.send(new CreateStateMachineCommand({ name: 'x', definition: '{}', roleArn: 'r' })),
  ).rejects.toMatchObject({
    name: 'UnknownOperationException',
    message: expect.stringContaining('Supported are StartExecution, StopExecution'),
  });
});

test('a stopped execution is ABORTED with its error and cause, and none of its work continues', async () => {
  const seen: string[] = [];
  await engine.start(
    {
      StartAt: 'Work',
      States: {
        Work: invoke('work', {
          Retry: [{ ErrorEquals: ['States.ALL'], MaxAttempts: 5 }],
          Catch: catchAll,
          Next: 'Caught',
        }),
        Caught: invoke('caught', { End: true }),
      },
    },
    {
      work: (_: never, { signal }: { signal: AbortSignal }) => {
        seen.push('work');
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('let go')));
        });
      },
      caught: () => void seen.push('caught'),
    },
  );
  const executionArn = await engine.begin('stopped');
  await until('the first call', () => seen.length > 0);
  await engine.client.send(
    new StopExecutionCommand({ executionArn, error: 'Cancelled', cause: 'By the user' }),
  );

  expect(await engine.ended(executionArn)).toMatchObject({
    status: 'ABORTED',
    error: 'Cancelled',
    cause: 'By the user',
  });
  expect((await engine.history(executionArn)).at(-1)).toMatchObject({
    type: 'ExecutionAborted',
    executionAbortedEventDetails: { error: 'Cancelled', cause: 'By the user' },
  });
  expect(engine.statusChanges.at(-1)?.detail).toMatchObject({ status: 'ABORTED', error: 'Cancelled' });
  expect(seen).toEqual(['work']);
});

test('the definition that is shown is the deployed text with its substitutions', async () => {
  const definition = {
    Comment: '${Words}',
    StartAt: 'A',
    States: { A: { Type: 'Succeed' } },
  };
  await engine.start(definition, {}, { substitutions: { Words: 'say "hello"\n' } });
  const shown = await engine.client.send(
    new DescribeStateMachineCommand({ stateMachineArn: engine.states!.stateMachineArn }),
  );
  expect(JSON.parse(shown.definition!)).toEqual({ ...definition, Comment: 'say "hello"\n' });
});

const twoSteps = {
  StartAt: 'First',
  States: { First: invoke('first', { Next: 'Second' }), Second: invoke('second', { End: true }) },
};

test('closing records no end: the next engine runs the execution again, and ended ones stay readable', async () => {
  await engine.start(twoSteps, {
    first: () => 1,
    second: ({ hang }: { hang: boolean }, { signal }) =>
      hang && new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('let go')))),
  });
  const ended = await engine.run('ended', { hang: false });
  const executionArn = await engine.begin('unfinished', { hang: true });
  await until('the second state', async () =>
    (await engine.history(executionArn)).some(({ stateEnteredEventDetails: e }) => e?.name === 'Second'),
  );
  await engine.states!.close();
  expect(engine.statusChanges.filter(({ detail }) => detail.status === 'ABORTED')).toEqual([]);

  await engine.start(twoSteps, { first: () => 1, second: () => 2 });
  expect(await engine.states!.resume()).toEqual(['unfinished']);
  const resumed = await engine.ended(executionArn);
  expect(resumed).toMatchObject({ status: 'SUCCEEDED', input: '{"hang":true}', redriveCount: 1 });
  expect(await engine.ended(ended.executionArn!)).toMatchObject({ output: ended.output, redriveCount: 0 });
  expect(await engine.states!.resume()).toEqual([]);
});

test('after kill -9 an execution runs again from its start, and its history is whole', async () => {
  const script = `
    import { BatchClient } from '@aws-sdk/client-batch';
    import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
    import { startStates } from './local/states/server.ts';
    const connection = { region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, endpoint: 'http://127.0.0.1:9' };
    const states = await startStates({
      access: 'anyone',
      dataFolder: process.argv[1], name: 'lifecycle', definition: process.argv[2], substitutions: {},
      region: 'us-east-1', accountId: '000000000000',
      dynamodbUrl: connection.endpoint, batch: new BatchClient(connection), subscribeToBatch: () => {},
      readObject: async () => new Uint8Array(), writeObject: async () => {},
      invokeFunction: (name) => (name === 'first' ? 1 : (console.log('second'), new Promise(() => {}))),
    });
    const client = new SFNClient({ ...connection, endpoint: states.url });
    await client.send(new StartExecutionCommand({ stateMachineArn: states.stateMachineArn, name: 'killed', input: '{"n":7}' }));
  `;
  const child = spawn(
    process.execPath,
    ['--input-type=module-typescript', '-e', script, engine.folder, JSON.stringify(twoSteps)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const historyFile = path.join(engine.folder, 'executions', 'killed.history.jsonl');
  writeFileSync(historyFile, `${readFileSync(historyFile)}{"id":99,"type":"Ta`);

  await engine.start(twoSteps, { first: () => 1, second: ({ n }: { n: number }) => n });
  expect(await engine.states!.resume()).toEqual(['killed']);
  const executionArn = `${engine.states!.stateMachineArn.replace('stateMachine', 'execution')}:killed`;
  const execution = await engine.ended(executionArn);

  expect(JSON.parse(execution.output!)).toMatchObject({ n: 7, second: { value: 7 } });
  const events = await engine.history(executionArn);
  expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
  expect(types(events).filter((type) => type?.startsWith('Execution'))).toEqual([
    'ExecutionStarted',
    'ExecutionRedriven',
    'ExecutionSucceeded',
  ]);
});
