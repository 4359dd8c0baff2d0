import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  ListMapRunsCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { BUCKET, invoke, TestEngine } from '../../support/states-engine.ts';
import { until } from '../../support/until.ts';

let engine: TestEngine;

beforeEach(async () => {
  engine = new TestEngine();
  await engine.open();
});
afterEach(() => engine.close());

type Workflow = { StartAt: string; States: Record<string, object> };

/** A workflow that runs these states in sequence. */
function inTurn(states: Record<string, object>): Workflow {
  const names = Object.keys(states);
  return {
    StartAt: names[0]!,
    States: Object.fromEntries(
      names.map((name, i) => [
        name,
        { ...states[name], ...(names[i + 1] ? { Next: names[i + 1] } : { End: true }) },
      ]),
    ),
  };
}

/** A machine whose first state runs these branches and catches their errors. */
function both(Branches: Workflow[], fields: object = {}): object {
  return {
    StartAt: 'Both',
    States: {
      Both: {
        Type: 'Parallel',
        Branches,
        Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Caught' }],
        End: true,
        ...fields,
      },
      Caught: invoke('caught', { End: true }),
    },
  };
}

/** A function that runs until its signal aborts, and then records that it has stopped. */
function hanging(began: string[], ended: string[] = []) {
  return (input: { name?: string }, { signal }: { signal: AbortSignal }) => {
    began.push(input.name ?? 'hang');
    return new Promise((_, reject) => {
      signal.addEventListener('abort', async () => {
        // Later than the engine gets the abort.
        await sleep(50);
        ended.push(input.name ?? 'hang');
        reject(new Error('let go'));
      });
    });
  };
}

const map = {
  Type: 'Map',
  Label: 'Each',
  ItemReader: {
    Resource: 'arn:aws:states:::s3:getObject',
    ReaderConfig: { InputType: 'JSON' },
    Parameters: { Bucket: BUCKET, Key: 'items.json' },
  },
  ItemProcessor: {
    ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
    ...inTurn({ Child: invoke('hang', {}) }),
  },
  ResultWriter: {
    Resource: 'arn:aws:states:::s3:putObject',
    Parameters: { Bucket: BUCKET, Prefix: 'results' },
  },
  ToleratedFailurePercentage: 100,
};

const types = (events: readonly HistoryEvent[]) => events.map(({ type }) => type);
const before = ({ previousEventId }: HistoryEvent, events: readonly HistoryEvent[]) =>
  events.find(({ id }) => id === previousEventId)!;

test('branches run at the same time on the same input, and their results are listed in their order', async () => {
  // Each branch waits for the other, so in sequence they would never end.
  const met = Promise.withResolvers<void>();
  await engine.start(
    both([inTurn({ A: invoke('waits', {}) }), inTurn({ B: invoke('comes', {}), C: { Type: 'Pass' } })]),
    {
      waits: async () => {
        await met.promise;
        return 'a';
      },
      comes: () => {
        met.resolve();
        return 'b';
      },
    },
  );
  const { status, output, executionArn } = await engine.run('both', { n: 1 });
  expect(status).toBe('SUCCEEDED');
  expect(JSON.parse(output!)).toEqual([
    { n: 1, waits: { value: 'a' } },
    { n: 1, comes: { value: 'b' } },
  ]);

  const events = await engine.history(executionArn!);
  expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1));
  expect(types(events).slice(0, 3)).toEqual([
    'ExecutionStarted',
    'ParallelStateEntered',
    'ParallelStateStarted',
  ]);
  expect(types(events).slice(-3)).toEqual([
    'ParallelStateSucceeded',
    'ParallelStateExited',
    'ExecutionSucceeded',
  ]);
  // previousEventId is the previous event of the same branch.
  const entered = (name: string) =>
    events.find(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name === name)!;
  expect(before(entered('A'), events).type).toBe('ParallelStateStarted');
  expect(before(entered('B'), events).type).toBe('ParallelStateStarted');
  expect(before(entered('C'), events).stateExitedEventDetails?.name).toBe('B');
  const left = events.find(({ stateExitedEventDetails }) => stateExitedEventDetails?.name === 'A')!;
  expect(types([before(left, events)])).toEqual(['TaskSucceeded']);
});

test('a Parallel without a result path for its results passes its input on', async () => {
  await engine.start(both([inTurn({ A: { Type: 'Pass', Result: 1 } })], { ResultPath: null }));
  expect(JSON.parse((await engine.run('kept', { n: 1 })).output!)).toEqual({ n: 1 });
});

test('a failed branch ends the others before the state fails with its error', async () => {
  const seen: string[] = [];
  const began: string[] = [];
  await engine.start(
    both([
      inTurn({ Waits: { Type: 'Wait', Seconds: 3600 } }),
      inTurn({ Hangs: invoke('hang', {}) }),
      inTurn({ Fails: invoke('fail', {}) }),
    ]),
    {
      hang: hanging(began, seen),
      fail: async () => {
        await until('the first to begin', () => began[0]);
        throw Object.assign(new Error('no more'), { name: 'OutOfPaper' });
      },
      caught: ({ error }: { error: object }) => {
        seen.push('caught');
        return error;
      },
    },
  );
  const { status, output, executionArn } = await engine.run('one-fails', { n: 1 });
  expect(status).toBe('SUCCEEDED');
  const { n, caught } = JSON.parse(output!);
  expect(n).toBe(1);
  expect(caught.value.Error).toBe('OutOfPaper');
  expect(JSON.parse(caught.value.Cause)).toMatchObject({ errorMessage: 'no more' });
  expect(seen).toEqual(['hang', 'caught']);

  const told = types(await engine.history(executionArn!));
  const failed = told.indexOf('ParallelStateFailed');
  expect(told.slice(failed - 3, failed + 2).sort()).toEqual(
    [
      'TaskFailed',
      'WaitStateAborted',
      'TaskStateAborted',
      'ParallelStateFailed',
      'ParallelStateExited',
    ].sort(),
  );
  expect(told.filter((type) => type === 'TaskFailed')).toHaveLength(1);
});

test('children of a Map in a branch end if another branch fails', async () => {
  const began: string[] = [];
  const ended: string[] = [];
  engine.objects.set('items.json', JSON.stringify([{ name: 'one' }, { name: 'two' }, { name: 'three' }]));
  await engine.start(
    both([inTurn({ Each: { ...map, MaxConcurrency: 2 } }), inTurn({ Fails: invoke('fail', {}) })]),
    {
      hang: hanging(began, ended),
      fail: async () => {
        await until('the second to begin', () => began[1]);
        throw new Error('no more');
      },
      caught: () => [...ended],
    },
  );
  const { output, executionArn } = await engine.run('map-aborted');
  expect(JSON.parse(output!).caught.value.sort()).toEqual(['one', 'two']);
  expect(began).toHaveLength(2);
  const told = types(await engine.history(executionArn!));
  expect(told).toEqual(expect.arrayContaining(['MapRunAborted', 'MapStateAborted', 'ParallelStateFailed']));
  expect(told).not.toContain('MapRunFailed');
  const { mapRuns } = await engine.client.send(new ListMapRunsCommand({ executionArn: executionArn! }));
  const { executions } = await engine.client.send(
    new ListExecutionsCommand({ mapRunArn: mapRuns![0]!.mapRunArn! }),
  );
  expect(executions!.map(({ status }) => status)).toEqual(['ABORTED', 'ABORTED']);
});

test('an error that nothing can catch on AWS ends the execution from a branch too', async () => {
  const { States } = inTurn({ Choose: { Type: 'Pass' } });
  await engine.start(
    both([inTurn({ Bad: { Type: 'Wait', TimestampPath: '$.at' } }), { StartAt: 'Choose', States }]),
    { caught: () => 'must not be' },
  );
  const { status, error } = await engine.run('uncaught', { at: 'tomorrow' });
  expect({ status, error }).toEqual({ status: 'FAILED', error: 'States.Runtime' });
});

test('stopping an execution ends every branch and all of its work', async () => {
  const began: string[] = [];
  const ended: string[] = [];
  engine.objects.set('items.json', JSON.stringify([{ name: 'child' }]));
  await engine.start(both([inTurn({ Each: map }), inTurn({ Hangs: invoke('hang', {}) })]), {
    hang: hanging(began, ended),
  });
  const executionArn = await engine.begin('stopped', { name: 'branch' });
  await until('the second to begin', () => began[1]);
  await engine.client.send(new StopExecutionCommand({ executionArn }));
  await until('both to end', () => ended[1]);
  expect(ended.sort()).toEqual(['branch', 'child']);
  const { status } = await engine.client.send(new DescribeExecutionCommand({ executionArn }));
  expect(status).toBe('ABORTED');
  const told = types(await engine.history(executionArn));
  expect(told.at(-1)).toBe('ExecutionAborted');
  expect(told).not.toContain('ParallelStateFailed');
});

test('an execution whose process ended in its branches runs again, and both of them end', async () => {
  const began: string[] = [];
  const definition = both([inTurn({ A: invoke('a', {}) }), inTurn({ B: invoke('b', {}) })]);
  await engine.start(definition, { a: () => 1, b: hanging(began) });
  const executionArn = await engine.begin('unfinished');
  await until('the first to begin', () => began[0]);
  await engine.states!.close();

  await engine.start(definition, { a: () => 1, b: () => 2 });
  expect(await engine.states!.resume()).toEqual(['unfinished']);
  const { status, output } = await engine.ended(executionArn);
  expect(status).toBe('SUCCEEDED');
  expect(JSON.parse(output!)).toEqual([{ a: { value: 1 } }, { b: { value: 2 } }]);
});
