import { SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { parseSettings } from '../../../core/settings.ts';
import { visitsOf } from '../../../lambdas/api/execution/visits.ts';
import { ExecutionHistory } from '../../../lambdas/run/execution-history.ts';
import { BUCKET, invoke, TestEngine } from '../../support/states-engine.ts';
import { until } from '../../support/until.ts';

/** Loops as often as its input says, then runs a Map over the manifest, and then fails and catches it. */
const DEFINITION = {
  StartAt: 'Begin',
  States: {
    Begin: { Type: 'Pass', Next: 'Round' },
    Round: {
      Type: 'Pass',
      Parameters: { 'left.$': 'States.MathAdd($.left, -1)', 'key.$': '$.key' },
      Next: 'IsLast',
    },
    IsLast: {
      Type: 'Choice',
      Choices: [{ Variable: '$.left', NumericGreaterThan: 0, Next: 'Round' }],
      Default: 'Each',
    },
    Each: {
      Type: 'Map',
      Label: 'Each',
      ItemReader: {
        Resource: 'arn:aws:states:::s3:getObject',
        ReaderConfig: { InputType: 'JSON' },
        Parameters: { Bucket: BUCKET, 'Key.$': '$.key' },
      },
      MaxConcurrency: 4,
      ToleratedFailurePercentage: 100,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'Child',
        States: { Child: { Type: 'Succeed' } },
      },
      ResultWriter: {
        Resource: 'arn:aws:states:::s3:putObject',
        Parameters: { Bucket: BUCKET, Prefix: 'results' },
      },
      ResultPath: null,
      Next: 'Break',
    },
    Break: invoke('break', {
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'Mend' }],
      Next: 'Mend',
    }),
    Mend: { Type: 'Succeed' },
  },
};

const engine = new TestEngine();
const calls: string[] = [];
let mayBreak: Promise<void> | undefined;

beforeAll(async () => {
  await engine.open();
  const breaks = async () => {
    await mayBreak;
    throw new Error('broken');
  };
  await engine.start(DEFINITION, { break: breaks });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SFN: engine.states!.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  });
  const send = SFNClient.prototype.send;
  jest.spyOn(SFNClient.prototype, 'send').mockImplementation(function (this: SFNClient, ...given) {
    calls.push(given[0].constructor.name);
    return Reflect.apply(send, this, given);
  } as typeof send);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await engine.close();
});
beforeEach(() => void calls.splice(0));

const newHistory = (options?: { nowMs: () => number }) =>
  new ExecutionHistory(parseSettings({ STATE_MACHINE_ARN: engine.states!.stateMachineArn }), options);
let jobs = 0;

async function runOver(items: number, rounds: number) {
  const jobId = `job-${String(jobs++).padStart(26, '0')}`;
  engine.objects.set(jobId, JSON.stringify(Array.from({ length: items }, (_, i) => ({ i }))));
  await engine.run(`${jobId}-1`, { left: rounds, key: jobId });
  calls.splice(0);
  return { jobId, run: 1 };
}

async function shown(history: ExecutionHistory, run: { jobId: string; run: number }) {
  const read = (await history.read(run))!;
  const visits = visitsOf(read.events, read.execution.status);
  const mapRun = await read.mapRun(visits.get('Each')!.mapRunArn!);
  return { read, visits, mapRun };
}

test('a run of 300 repositories takes as many calls as one of 3, and the same bytes', async () => {
  const taken: [calls: string[], events: number][] = [];
  for (const items of [3, 300]) {
    const { read, visits, mapRun } = await shown(newHistory(), await runOver(items, 1));
    taken.push([calls.splice(0).sort(), read.events.length]);
    expect(mapRun!.itemCounts).toMatchObject({ total: items, succeeded: items });
    expect([...visits].map(([name, { status }]) => [name, status])).toEqual([
      ['Begin', 'succeeded'],
      ['Round', 'succeeded'],
      ['IsLast', 'succeeded'],
      ['Each', 'succeeded'],
      ['Break', 'caught'],
      ['Mend', 'succeeded'],
    ]);
  }
  expect(taken[0]![0]).toHaveLength(4);
  expect(taken[1]).toEqual(taken[0]);
});

test('a history of thousands of events is read at both ends only, and its states are still known', async () => {
  const { read, visits } = await shown(newHistory(), await runOver(1, 600));
  expect(calls.filter((name) => name === 'GetExecutionHistoryCommand')).toHaveLength(2);
  expect(read.isComplete).toBe(false);
  expect(read.events.length).toBeLessThanOrEqual(1200);
  expect(visits.get('Begin')).toMatchObject({ status: 'succeeded', times: 1 });
  expect(visits.get('Break')).toMatchObject({ status: 'caught' });
  expect(visits.get('Round')!.times).toBeLessThan(600);
});

test('an execution that has ended is read once, and one that is not known is undefined', async () => {
  const run = await runOver(1, 1);
  const history = newHistory();
  await shown(history, run);
  calls.splice(0);
  await shown(history, run);
  expect(calls).toEqual([]);
  expect(await history.read({ ...run, run: 2 })).toBeUndefined();
});

test('all who look at a running job within 5 seconds share one reading of it, and later ones get a new one', async () => {
  let letGo = () => {};
  mayBreak = new Promise((resolve) => {
    letGo = resolve;
  });
  const run = { jobId: `job-${String(jobs).padStart(26, '0')}`, run: 1 };
  const ended = runOver(3, 1);
  let nowMs = 0;
  const history = newHistory({ nowMs: () => nowMs });
  await until('the Map has run', async () => {
    nowMs += 5000;
    const read = await history.read(run);
    const each = read && visitsOf(read.events, read.execution.status).get('Each');
    return each?.status === 'succeeded' ? read : undefined;
  });
  await shown(history, run);
  calls.splice(0);
  nowMs += 4999;
  const readers = await Promise.all(Array.from({ length: 50 }, () => shown(history, run)));
  expect(readers[49]).toMatchObject({ mapRun: { itemCounts: { succeeded: 3 } } });
  // The engine of the test asks for the execution's status by itself.
  const read = () => calls.filter((name) => /History|MapRun/.test(name)).sort();
  expect(read()).toEqual([]);
  nowMs += 1;
  await Promise.all([shown(history, run), shown(history, run)]);
  expect(read()).toEqual(['GetExecutionHistoryCommand']);
  letGo();
  await ended;
  nowMs += 5000;
  expect((await shown(history, run)).read.execution.status).toBe('SUCCEEDED');
});
