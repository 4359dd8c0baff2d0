import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Fleet, writeAndSubmit } from '../../support/fleet.ts';
import { type NoticeReceiver, startNoticeReceiver } from '../../support/notice-receiver.ts';
import { until } from '../../support/until.ts';

const KEY = 'a-signing-key-of-32-characters-xx';
const NAMES = ['one', 'two', 'three'];

let receiver: NoticeReceiver;
let fleet: Fleet;

beforeAll(async () => {
  receiver = await startNoticeReceiver();
  const settings = { JOB_NOTICES: 'true', NOTICE_SIGNING_KEY: KEY };
  fleet = await Fleet.start({ names: NAMES, script: writeAndSubmit, settings });
});
afterAll(async () => {
  await fleet.close();
  await receiver.close();
});

const kindsOf = (jobId: string) =>
  receiver.received
    .map(({ body }) => JSON.parse(body))
    .flatMap(({ job, kind }) => (job.jobId === jobId ? [kind] : []));

async function told(jobId: string, kinds: string[]): Promise<void> {
  await until(`the notices ${kinds.join(', ')}`, () => kindsOf(jobId).length >= kinds.length);
  expect(kindsOf(jobId)).toEqual(kinds);
}

test('a job tells its webhook of its start, its sample, its review and its end, each signed', async () => {
  const notify = { url: `${receiver.url}/hook` };
  const jobId = await fleet.post(NAMES, { notify, sample: 1, review: 'required' });
  await told(jobId, ['started', 'sampleReady']);
  expect((await fleet.call('POST', `/jobs/${jobId}/continue`)).status).toBe(202);
  await told(jobId, ['started', 'sampleReady', 'started', 'needsReview']);
  const repositories = NAMES.map((name) => `local/${name}`);
  const rejection = { decision: 'reject', repositories };
  expect((await fleet.call('POST', `/jobs/${jobId}/reviews`, rejection)).status).toBe(200);
  await told(jobId, ['started', 'sampleReady', 'started', 'needsReview', 'completed']);

  for (const { headers, body } of receiver.received) {
    const signed = `${headers['cody-batch-timestamp']}.${body}`;
    expect(headers['cody-batch-signature']).toBe(
      `v1=${createHmac('sha256', KEY).update(signed).digest('hex')}`,
    );
    expect(headers['cody-batch-event']).toBe(JSON.parse(body).eventId);
    expect(body).not.toContain('local/');
  }
});

test('a job that its cap stops says so', async () => {
  const notify = { url: `${receiver.url}/cap`, kinds: ['capReached', 'failed'] };
  const jobId = await fleet.post(NAMES, { notify, maxCostUsd: 0.001 });
  await told(jobId, ['capReached', 'failed']);
});

test('a webhook that could not be called is refused with the job', async () => {
  for (const url of ['ftp://example.com/x', 'https://user:pw@example.com/x', 'no url', 'https://x/#a']) {
    const body = { prompt: 'Edit.', repositories: ['local/one'], notify: { url } };
    expect([url, (await fleet.call('POST', '/jobs', body)).status]).toEqual([url, 400]);
  }
});
