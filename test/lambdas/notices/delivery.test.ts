import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { countsOf } from '../../../core/job.ts';
import { parseSettings } from '../../../core/settings.ts';
import type { Context } from '../../../lambdas/context.ts';
import { Input, jobChanged } from '../../../lambdas/events/job-changed.ts';
import { sendNotices } from '../../../lambdas/events/send-notices.ts';
import { logTo } from '../../../lambdas/logger.ts';
import { nextTryAt } from '../../../lambdas/notices/deliver.ts';
import { jobRow } from '../../support/job-row.ts';
import { type NoticeReceiver, startNoticeReceiver } from '../../support/notice-receiver.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const KEY = 'a-signing-key-of-32-characters-xx';

/** What the functions log. */
const logged: string[] = [];
const keep = (line: string) => void logged.push(line);
logTo({ ...console, debug: keep, info: keep, warn: keep, error: keep, log: keep });

let tables: TestTables;
let receiver: NoticeReceiver;
let context: Context;
let nowMs = Date.parse('2026-11-28T07:00:00Z');

beforeAll(async () => {
  tables = await openTestTables();
  receiver = await startNoticeReceiver();
});
afterAll(async () => {
  await tables.close();
  await receiver.close();
});
beforeEach(() => {
  receiver.received.length = 0;
  receiver.answer = 204;
  context = contextWith({ JOB_NOTICES: 'true' });
});

function contextWith(variables: Record<string, string>): Context {
  const settings = {
    ...parseSettings({ NOTICE_LOOPBACK: 'true', NOTICE_SIGNING_KEY: KEY, ...variables }),
    jobsTable: tables.settings.jobsTable,
    repositoriesTable: tables.settings.repositoriesTable,
  };
  return { ...tables.stores, settings, now: () => new Date(nowMs).toISOString() } as unknown as Context;
}

const jobWith = (fields: object = {}) => ({
  ...jobRow(),
  entity: 'job',
  counts: countsOf({ completed: 1 }),
  notify: { url: `${receiver.url}/hook` },
  ...fields,
});

/** A change as the stream delivers it. */
const change = (before: object | undefined, after: object) =>
  Input.parse({
    Records: [
      {
        eventName: 'MODIFY',
        dynamodb: {
          ...(before && { OldImage: marshall(before, { removeUndefinedValues: true }) }),
          NewImage: marshall(after, { removeUndefinedValues: true }),
        },
      },
    ],
  });
const notices = () => receiver.received.map(({ body }) => JSON.parse(body));

test.each([
  ['started', { status: 'pending' }, { status: 'processing' }],
  ['sampleReady', { status: 'processing' }, { status: 'waiting', waitingFor: 'sample' }],
  ['needsReview', { status: 'processing' }, { status: 'waiting', waitingFor: 'review' }],
  ['completed', { status: 'waiting', waitingFor: 'review' }, { status: 'completed' }],
  ['failed', { status: 'processing' }, { status: 'failed', error: { name: 'E', message: 'not told' } }],
])('a job that becomes %s is told once, however often the stream tells it', async (kind, before, after) => {
  const job = jobWith();
  const record = change({ ...job, ...before }, { ...job, ...after });
  await jobChanged(record, context);
  await jobChanged(record, context);
  expect(notices()).toMatchObject([
    { kind, eventId: `${job.jobId}-${job.run}-${kind}`, job: { jobId: job.jobId, counts: { completed: 1 } } },
  ]);
  expect(receiver.received[0]!.body).not.toContain('not told');
});

test('a change of anything else makes no notice, and neither does a kind that the job does not want', async () => {
  const job = jobWith({ status: 'processing' });
  await jobChanged(change(job, { ...job, updatedAt: '2026-11-28T08:00:00.000Z' }), context);
  await jobChanged(change(undefined, { ...job, status: 'pending' }), context);
  await jobChanged(change(job, { ...job, status: 'cancelled' }), context);
  const some = { ...job, notify: { url: `${receiver.url}/hook`, kinds: ['failed'] } };
  await jobChanged(change(some, { ...some, status: 'completed' }), context);
  expect(notices()).toEqual([]);
});

test('a cap that stops a job is told from its control item', async () => {
  const { entity: _, ...job } = jobWith({ status: 'processing' });
  await tables.jobs.create(job as never);
  const control = { jobId: `${job.jobId}#control`, run: 1 };
  await jobChanged(change(control, { ...control, stoppedBy: 'cancelled' }), context);
  await jobChanged(change(control, { ...control, stoppedBy: 'jobCost' }), context);
  expect(notices()).toMatchObject([{ kind: 'capReached', job: { jobId: job.jobId } }]);
});

test('the webhook of the environment gets every job’s notices, and a job’s own only if the operator allows it', async () => {
  const job = jobWith({ status: 'processing' });
  const environment = contextWith({ NOTICE_URL: `${receiver.url}/all`, NOTICE_KINDS: 'completed,failed' });
  await jobChanged(change({ ...job, status: 'pending' }, job), environment);
  await jobChanged(change(job, { ...job, status: 'completed' }), environment);
  expect(receiver.received.map(({ path: of }) => of)).toEqual(['/all']);
});

test('a notice that fails is tried again with growing pauses, and given up in the end', async () => {
  receiver.answer = 500;
  const job = jobWith({ status: 'processing' });
  await jobChanged(change(job, { ...job, status: 'completed' }), context);
  await sendNotices({}, context);
  expect(receiver.received).toHaveLength(1);
  for (let hours = 0; hours < 48; hours += 2) {
    nowMs += 2 * 3_600_000;
    // Two senders at once try it once.
    await Promise.all([sendNotices({}, context), sendNotices({}, context)]);
  }
  expect(receiver.received).toHaveLength(12);
  expect(new Set(notices().map(({ eventId }) => eventId)).size).toBe(1);
  expect(await context.outbox.due('2100-01-01', 10)).toEqual([]);

  const pauses = [1, 2, 3, 10].map((tries) => Date.parse(nextTryAt(tries, 0, () => 1)) / 1000);
  expect(pauses).toEqual([30, 60, 120, 7200]);
  expect(nextTryAt(3, 0, () => 0)).toBe(new Date(60_000).toISOString());
});

test('a notice whose sender was lost is sent by the next, and one that comes back is not', async () => {
  const job = jobWith({ status: 'processing' });
  receiver.answer = 500;
  await jobChanged(change(job, { ...job, status: 'failed' }), context);
  receiver.answer = 204;
  nowMs += 60_000;
  await sendNotices({}, context);
  await sendNotices({}, context);
  expect(receiver.received).toHaveLength(2);
});

test('no notice is sent unsigned, and 410 ends the tries', async () => {
  const job = jobWith({ status: 'processing' });
  const unsigned = contextWith({ JOB_NOTICES: 'true', NOTICE_SIGNING_KEY: '' });
  await jobChanged(change(job, { ...job, status: 'failed' }), unsigned);
  expect(receiver.received).toHaveLength(0);
  nowMs += 60_000;
  receiver.answer = 410;
  await sendNotices({}, context);
  nowMs += 86_400_000;
  await sendNotices({}, context);
  expect(receiver.received).toHaveLength(1);
});

test('no line of the log has the key or the path of a webhook', () => {
  expect(logged.some((line) => line.includes('A notice is given up'))).toBe(true);
  expect(logged.join()).not.toContain(KEY);
  expect(logged.join()).not.toContain('/hook');
});

/** The code block of this language in docs/notices.md. */
function example(language: string): string {
  const text = readFileSync(path.resolve('docs/notices.md'), 'utf8');
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(text)![1]!;
}

test('the examples in docs/notices.md accept what is sent, and refuse a change of body, time or key', async () => {
  const job = jobWith({ name: 'Größe ändern', status: 'processing' });
  await jobChanged(change(job, { ...job, status: 'completed' }), context);
  const { headers, body } = receiver.received[0]!;
  const seconds = Math.floor(nowMs / 1000);
  const cases = [
    { headers, body, key: KEY, now: seconds },
    { headers, body: body.replace('completed', 'failed'), key: KEY, now: seconds },
    { headers, body, key: `${KEY}x`, now: seconds },
    { headers, body, key: KEY, now: seconds + 301 },
    { headers: { ...headers, 'cody-batch-timestamp': String(seconds + 1) }, body, key: KEY, now: seconds },
    { headers: {}, body, key: KEY, now: seconds },
  ];
  const folder = await temporaryFolder();
  const input = JSON.stringify(cases);
  const run = (command: string, file: string, text: string) => {
    writeFileSync(path.join(folder.path, file), text);
    return JSON.parse(execFileSync(command, [path.join(folder.path, file)], { input, encoding: 'utf8' }));
  };
  const node = `${example('js')}
    const cases = JSON.parse(await new Response(process.stdin).text());
    console.log(JSON.stringify(cases.map((c) => isFromCodyBatch(c.headers, c.body, c.key, c.now))));`;
  const python = `${example('python')}
import json, sys
cases = json.loads(sys.stdin.buffer.read())
print(json.dumps([is_from_cody_batch(c["headers"], c["body"].encode(), c["key"], c["now"]) for c in cases]))
`;
  const expected = [true, false, false, false, false, false];
  expect(run(process.execPath, 'check.mjs', node)).toEqual(expected);
  expect(run('python3', 'check.py', python)).toEqual(expected);
  await folder.remove();
});
