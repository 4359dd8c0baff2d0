import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { countsOf, newJobId } from '../../../core/job.ts';
import { Publishing, type Recorded, text } from '../../support/publishing.ts';
import { cody } from '../../support/stack.ts';

let publishing: Publishing;
let bases: Record<string, string>;

const NAMES = ['one', 'two', 'three'];

beforeAll(async () => {
  publishing = await Publishing.start({ shared: true });
  const shas = await Promise.all(NAMES.map((name) => publishing.addRepository(name, { 'a.txt': 'a\n' })));
  bases = Object.fromEntries(NAMES.map((name, i) => [name, shas[i]!]));
});
afterAll(() => publishing?.close());

const change = (name: string, more: Partial<Recorded> = {}): Recorded => ({
  name,
  baseSha: bases[name]!,
  files: [text('a.txt', 'b\n')],
  ...more,
});

const ask = (jobId: string, body?: object, headers?: object) =>
  publishing.call('POST', `/jobs/${jobId}/pull-requests`, body, headers);

test('pull requests are opened later for recorded changes, named ones first and then the rest, once each and without the model', async () => {
  const jobId = await publishing.record(NAMES.map((name) => change(name)));
  const first = await publishing.publish(jobId, { repositories: ['LOCAL/two'] });
  expect(first).toMatchObject({ status: 'completed', run: 2, pullRequests: { open: 1, failed: 0 } });
  const states = ({ results }: typeof first) => results.map(({ pullRequest }) => pullRequest?.state);
  expect(states(first)).toEqual([undefined, undefined, 'open']);

  const second = await publishing.publish(jobId);
  expect(second).toMatchObject({ run: 3, pullRequests: { open: 3 } });
  expect(states(second)).toEqual(['open', 'open', 'open']);
  for (const name of NAMES) {
    const pulls = await publishing.pulls(name);
    expect(pulls.filter(({ head }) => head.ref === `cody-batch/${jobId}`)).toHaveLength(1);
  }

  const nothing = await ask(jobId);
  expect(nothing.status).toBe(409);
  expect(nothing.json.detail).toMatch(/no pull request to open: local\/one has http:\S+\/pull\/\d+ \(open\)/);
});

test('a repeated Idempotency-Key starts one run; with other repositories it is refused', async () => {
  const jobId = await publishing.record([change('one'), change('two')]);
  const headers = { 'idempotency-key': 'publish-once' };
  const body = { repositories: ['local/one'] };
  const [first, second] = await Promise.all([ask(jobId, body, headers), ask(jobId, body, headers)]);
  expect([first.status, second.status].sort()).toEqual([200, 202]);
  expect([first.json.run, second.json.run]).toEqual([2, 2]);
  await publishing.ended(jobId);
  expect((await ask(jobId, body, headers)).json).toMatchObject({ run: 2, status: 'completed' });
  const other = await ask(jobId, { repositories: ['local/two'] }, headers);
  expect(other).toMatchObject({
    status: 409,
    json: { detail: expect.stringMatching(/another|other repositories/) },
  });
});

test('a refused request can be repeated with its Idempotency-Key and then succeeds, even after another run', async () => {
  const failed = change('three', { row: { outcome: 'gaveUp', status: 'failed' } });
  const counts = countsOf({ completed: 1, failed: 1 });
  const running = { status: 'processing', executionArn: 'arn', counts } as const;
  const jobId = await publishing.record([change('one'), failed], running);
  const headers = { 'idempotency-key': 'refused-once' };
  expect((await ask(jobId, undefined, headers)).status).toBe(409);
  expect((await publishing.call('POST', `/jobs/${jobId}/cancel`)).status).toBe(200);
  expect((await publishing.call('POST', `/jobs/${jobId}/retry`, undefined, headers)).status).toBe(202);
  expect(await publishing.ended(jobId)).toMatchObject({ run: 2 });
  const again = await ask(jobId, undefined, headers);
  expect(again).toMatchObject({ status: 202, json: { run: 3, action: 'publish' } });
  expect(await publishing.ended(jobId)).toMatchObject({ pullRequests: { open: 1 } });
  for (const body of [undefined, {}])
    expect(await ask(jobId, body, headers)).toMatchObject({ status: 200, json: { run: 3 } });
  expect(
    await publishing
      .pulls('one')
      .then((pulls) => pulls.filter(({ head }) => head.ref === `cody-batch/${jobId}`)),
  ).toHaveLength(1);
});

test('an invalid request is refused with a problem document, and changes nothing', async () => {
  const jobId = await publishing.record([
    change('one'),
    change('two', { row: { outcome: 'unchanged' } }),
    change('three', { row: { outcome: 'gaveUp', status: 'failed' } }),
  ]);
  const unknown = await ask(jobId, { repositories: ['local/one', 'local/elsewhere'] });
  expect(unknown).toMatchObject({
    status: 400,
    json: {
      type: expect.stringMatching(/^urn:/),
      errors: [
        { field: 'repositories', received: ['local/elsewhere'], expected: 'repositories of this job' },
      ],
    },
  });
  const nothing = await ask(jobId, { repositories: ['local/two', 'local/three'] });
  expect(nothing.status).toBe(409);
  expect(nothing.json.detail).toMatch(
    /local\/three has no change \(gaveUp\); local\/two has no change \(unchanged\)/,
  );
  const malformed = await ask(jobId, { repositories: [], draft: true });
  expect(malformed.status).toBe(400);
  expect(malformed.json.errors).toHaveLength(2);
  expect((await ask(newJobId())).status).toBe(404);

  const running = await publishing.record([change('one')], { status: 'processing', executionArn: 'arn' });
  const early = await ask(running);
  expect(early).toMatchObject({
    status: 409,
    json: { detail: expect.stringMatching(/^Run 1 of the job .* takes no more/) },
  });
  expect((await publishing.call('GET', `/jobs/${jobId}`)).json).toMatchObject({
    run: 1,
    status: 'completed',
  });
});

test('a failed pull request is opened by a second request after the cause is fixed', async () => {
  const jobId = await publishing.record([
    change('three', { files: [text('CODEOWNERS', '* @me\n', 'added')] }),
  ]);
  const failed = await publishing.publish(jobId);
  expect(failed.results[0]!.pullRequest).toMatchObject({
    state: 'failed',
    error: { name: 'ChangeSetRefusedError' },
  });
  await publishing.recordChange(
    jobId,
    change('three', { row: { pullRequest: failed.results[0]!.pullRequest! } }),
  );
  const opened = await publishing.publish(jobId);
  expect(opened.results[0]!.pullRequest).toMatchObject({ state: 'open' });
  expect(opened.results[0]!.pullRequest).not.toHaveProperty('error');
  expect(opened.pullRequests).toEqual({ open: 1, merged: 0, closed: 0, failed: 0 });
});

test('the command line opens pull requests on the running stack and lists them; a second call finds none to open', async () => {
  const jobId = await publishing.record([change('one'), change('two')]);
  const args = ['pull-requests', jobId, '--repo', 'local/two', '--data', publishing.stack.dataFolder];
  const opened = await cody(args);
  expect(opened.status).toBe(0);
  expect(opened.stdout).toMatch(/^local\/two +changed .* http:\/\/\S+\/local\/two\/pull\/\d+$/m);
  expect(opened.stdout).not.toContain('local/one');
  const again = await cody(args);
  expect(again).toMatchObject({ status: 2, stderr: expect.stringMatching(/no pull request to open/) });
  const wrong = await cody(['pull-requests', 'job-1', '--data', publishing.stack.dataFolder]);
  expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining('"job-1" is not a job') });
});
