import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LoopbackServer } from '../../../local/access/loopback.ts';
import { startLogs } from '../../../local/logs/server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const WORKERS = '/cody-batch/cody-batch-local/worker';
const API = '/aws/lambda/cody-batch-local-api';
const at = (second: number) => `2026-11-20T10:00:0${second}.000Z`;
const ms = (second: number) => Date.parse(at(second));
const line = (second: number, fields: object) => JSON.stringify({ timestamp: at(second), ...fields });

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let logs: LoopbackServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  const functionsFile = path.join(folder.path, 'functions.log');
  writeFileSync(
    functionsFile,
    [
      line(1, { level: 'INFO', message: 'begins', function_name: 'cody-batch-local-api' }),
      line(2, { level: 'INFO', message: 'another', function_name: 'cody-batch-local-reconcile' }),
      line(3, { level: 'ERROR', message: 'fails', function_name: 'cody-batch-local-api' }),
    ].join('\n'),
  );
  const workerFolder = path.join(folder.path, 'batch');
  mkdirSync(path.join(workerFolder, 'worker/default'), { recursive: true });
  const write = (name: string, lines: string[]) =>
    writeFileSync(path.join(workerFolder, `worker/default/${name}.log`), `${lines.join('\n')}\n`);
  write('a-1', [
    line(1, { level: 'info', message: 'one of a', turns: 3 }),
    'a line that is not JSON',
    line(4, { level: 'warn', message: 'two of a', turns: 12 }),
  ]);
  write('b-1', [line(2, { level: 'error', message: 'one of b' })]);
  logs = await startLogs({
    access: 'anyone',
    ...{ functionsFile, workerFolder, workerGroup: WORKERS },
    functionNames: ['cody-batch-local-reconcile', 'cody-batch-local-api'],
  });
});
afterAll(async () => {
  await logs.close();
  await folder.remove();
});

// biome-ignore lint/suspicious/noExplicitAny: answers of several operations
async function call(operation: string, request: object): Promise<any> {
  const response = await fetch(logs.url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Logs_20140328.${operation}` },
    body: JSON.stringify(request),
  });
  return response.json();
}

async function messages(filterPattern: string, logGroupName = WORKERS): Promise<string[]> {
  const { events } = await call('FilterLogEvents', { logGroupName, filterPattern });
  return events.map(({ message }: { message: string }) =>
    message.startsWith('{') ? JSON.parse(message).message : message,
  );
}

test('groups have the names of a deployment, and are found by prefix, page by page', async () => {
  const { logGroups, nextToken } = await call('DescribeLogGroups', { limit: 2 });
  const rest = await call('DescribeLogGroups', { limit: 2, nextToken });
  expect([...logGroups, ...rest.logGroups].map(({ logGroupName }) => logGroupName)).toEqual([
    API,
    '/aws/lambda/cody-batch-local-reconcile',
    WORKERS,
  ]);
  expect(rest.nextToken).toBeUndefined();
  const { logGroups: found } = await call('DescribeLogGroups', { logGroupNamePrefix: '/cody-batch/' });
  expect(found).toHaveLength(1);
});

test('a function has the lines of its own name alone', async () => {
  expect(await messages('', API)).toEqual(['begins', 'fails']);
  const { events } = await call('FilterLogEvents', { logGroupName: API });
  expect(events[1]).toMatchObject({
    ...{ timestamp: ms(3), ingestionTime: ms(3), logStreamName: '2026/11/20/[$LATEST]local' },
    eventId: expect.any(String),
  });
});

test('lines of several streams come in the order of time, and each once over all pages', async () => {
  expect(await messages('')).toEqual(['one of a', 'a line that is not JSON', 'one of b', 'two of a']);
  const paged: string[] = [];
  let nextToken: string | undefined;
  do {
    const answer = await call('FilterLogEvents', { logGroupName: WORKERS, limit: 3, nextToken });
    paged.push(...answer.events.map(({ eventId }: { eventId: string }) => eventId));
    nextToken = answer.nextToken;
  } while (nextToken);
  expect(new Set(paged).size).toBe(4);
});

test('a range of time has its start and leaves out its end', async () => {
  const { events } = await call('FilterLogEvents', {
    ...{ logGroupName: WORKERS, startTime: ms(2), endTime: ms(4) },
  });
  expect(events.map(({ timestamp }: { timestamp: number }) => timestamp)).toEqual([ms(2)]);
});

test.each([
  ['JSON', ['a line that is not JSON']],
  ['"of a" one', ['one of a']],
  ['of -warn -error', ['one of a']],
  ['?"of b" ?"two of"', ['one of b', 'two of a']],
  ['{ $.level = "error" || $.level = "warn" }', ['one of b', 'two of a']],
  ['{ ($.message = "*of a") && ($.turns > 5) }', ['two of a']],
  ['{ $.level != "info" && $.turns <= 12 }', ['two of a']],
])('the filter pattern %s finds its lines', async (pattern, expected) => {
  expect(await messages(pattern)).toEqual(expected);
});

test('a filter pattern that would be read otherwise than on AWS is refused', async () => {
  for (const filterPattern of ['%regular%', '[ip, user]', '{ $.level = /x/ }', '{ $.a EXISTS }'])
    expect(await call('FilterLogEvents', { logGroupName: WORKERS, filterPattern })).toMatchObject({
      __type: 'InvalidParameterException',
      message: expect.stringContaining('filter pattern'),
    });
});

test('a stream is read forwards and backwards by its tokens, which stay the same at its ends', async () => {
  const of = { logGroupName: WORKERS, logStreamName: 'worker/default/a-1' };
  const first = await call('GetLogEvents', { ...of, limit: 2, startFromHead: true });
  expect(first.events).toHaveLength(2);
  const second = await call('GetLogEvents', { ...of, limit: 2, nextToken: first.nextForwardToken });
  expect(second.events.map(({ timestamp }: { timestamp: number }) => timestamp)).toEqual([ms(4)]);
  const end = await call('GetLogEvents', { ...of, nextToken: second.nextForwardToken });
  expect(end).toMatchObject({ events: [], nextForwardToken: second.nextForwardToken });
  const back = await call('GetLogEvents', { ...of, nextToken: second.nextBackwardToken });
  expect(back.events).toEqual(first.events);
  expect((await call('GetLogEvents', { ...of, limit: 1 })).events).toEqual(second.events);
});

test('streams are listed with the times of their lines', async () => {
  const request = { logGroupName: WORKERS, orderBy: 'LastEventTime', descending: true };
  const { logStreams } = await call('DescribeLogStreams', request);
  expect(logStreams).toMatchObject([
    { logStreamName: 'worker/default/a-1', firstEventTimestamp: ms(1), lastEventTimestamp: ms(4) },
    { logStreamName: 'worker/default/b-1' },
  ]);
});

test('an unknown group, an unknown stream and other operations are refused by name', async () => {
  expect(await call('FilterLogEvents', { logGroupName: '/aws/batch/job' })).toMatchObject({
    __type: 'ResourceNotFoundException',
    message: expect.stringContaining(WORKERS),
  });
  expect(await call('GetLogEvents', { logGroupName: WORKERS, logStreamName: 'none' })).toMatchObject({
    __type: 'ResourceNotFoundException',
  });
  expect(await call('PutLogEvents', {})).toMatchObject({ __type: 'UnknownOperationException' });
  expect(await call('FilterLogEvents', { logGroupName: WORKERS, unmask: true })).toMatchObject({
    __type: 'InvalidParameterException',
  });
});
