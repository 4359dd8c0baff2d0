import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RepositoryResult } from '../../../core/repository-result.ts';
import { digestOfChanges } from '../../../core/review.ts';
import { NO_TOKENS } from '../../../core/usage.ts';
import { Publishing, type Recorded, text } from '../../support/publishing.ts';

let publishing: Publishing;
let bases: Record<string, string>;
const NAMES = ['one', 'two', 'three'];

beforeAll(async () => {
  publishing = await Publishing.start({ shared: true });
  const shas = await Promise.all(NAMES.map((name) => publishing.addRepository(name, { 'a.txt': 'a\n' })));
  bases = Object.fromEntries(NAMES.map((name, i) => [name, shas[i]!]));
});
afterAll(() => publishing?.close());

const SHAPE = `1:${'a'.repeat(32)}`;
const patchOf = (name: string) => createHash('sha256').update(name).digest('hex');
const change = (name: string, row: Partial<RepositoryResult> = {}): Recorded => ({
  name,
  baseSha: bases[name]!,
  files: [text('a.txt', 'b\n')],
  row: { shape: SHAPE, patchSha: patchOf(name), ...row },
});
const seen = (...names: string[]) =>
  digestOfChanges(names.map((name) => ({ repositoryName: `local/${name}`, patchSha: patchOf(name) })));
const review = (jobId: string, body: object) => publishing.call('POST', `/jobs/${jobId}/reviews`, body);
const states = async (jobId: string) => {
  const rows = await Promise.all(NAMES.map((name) => publishing.row(jobId, name)));
  return rows.map(({ pullRequest }) => pullRequest?.state);
};

test('a job that requires reviews publishes what was approved, waits while a change is undecided, and ends with the last decision', async () => {
  const jobId = await publishing.record(
    NAMES.map((name) => change(name)),
    {
      review: 'required',
      status: 'waiting',
      waitingFor: 'review',
    },
  );
  const nothing = await publishing.call('POST', `/jobs/${jobId}/pull-requests`);
  expect(nothing).toMatchObject({
    status: 409,
    json: { detail: expect.stringContaining('local/one has a change that is not approved') },
  });

  await review(jobId, { decision: 'approve', repositories: ['local/one'], seen: seen('one') });
  const first = await publishing.publish(jobId);
  expect(first).toMatchObject({ status: 'waiting', waitingFor: 'review', pullRequests: { open: 1 } });
  expect(await states(jobId)).toEqual(['open', undefined, undefined]);

  await review(jobId, { decision: 'reject', repositories: ['local/two'] });
  expect((await publishing.call('GET', `/jobs/${jobId}`)).json.status).toBe('waiting');
  await review(jobId, { decision: 'approve', repositories: ['local/three'], seen: seen('three') });
  const decided = (await publishing.call('GET', `/jobs/${jobId}`)).json;
  expect(decided.status).toBe('completed');
  expect(decided.waitingFor).toBeUndefined();

  await review(jobId, { decision: 'undecided', repositories: ['local/two'] });
  expect((await publishing.call('GET', `/jobs/${jobId}`)).json).toMatchObject({ status: 'waiting' });
  await review(jobId, { decision: 'reject', repositories: ['local/two'] });

  const second = await publishing.publish(jobId);
  expect(second).toMatchObject({ status: 'completed', pullRequests: { open: 2 } });
  expect(await states(jobId)).toEqual(['open', undefined, 'open']);
});

test('the next publish closes the pull request of a change that was rejected, with the note', async () => {
  const jobId = await publishing.record([change('one'), change('two')]);
  await publishing.publish(jobId);
  const note = 'We keep the old name, see @team.';
  await review(jobId, { decision: 'reject', repositories: ['local/one'], note });
  const row = await publishing.row(jobId, 'one');
  expect(row).toMatchObject({ pullRequest: { state: 'open' }, review: { decision: 'reject', note } });

  const ended = await publishing.publish(jobId);
  expect(ended).toMatchObject({ status: 'completed', pullRequests: { open: 1, closed: 1 } });
  const { number } = (await publishing.pulls('one')).find(({ head }) => head.ref === `cody-batch/${jobId}`)!;
  const place = { owner: 'local', repo: 'one' };
  const { data: pull } = await publishing.github.rest.pulls.get({ ...place, pull_number: number });
  expect(pull.state).toBe('closed');
  const { data: comments } = await publishing.github.rest.issues.listComments({
    ...place,
    issue_number: number,
  });
  expect(comments.map(({ body }) => body)).toEqual([expect.stringContaining('We keep the old name')]);
  const nothing = await publishing.call('POST', `/jobs/${jobId}/pull-requests`);
  expect(nothing.json.detail).toContain('local/one has a change that was rejected');
});

/** A published change that was then rejected, and its pull request closed by the next publish. */
async function rejectedAndClosed(name: string): Promise<{ jobId: string; place: Place }> {
  const jobId = await publishing.record([change(name)]);
  await publishing.publish(jobId);
  await review(jobId, { decision: 'reject', shape: SHAPE });
  await publishing.publish(jobId);
  const { pullRequestNumber, pullRequest } = await publishing.row(jobId, name);
  expect(pullRequest).toMatchObject({ state: 'closed', closedFor: 'rejected' });
  const place = { owner: 'local', repo: name, pull_number: pullRequestNumber! };
  return { jobId, place };
}
type Place = { owner: string; repo: string; pull_number: number };
const branchOf = (jobId: string) => `cody-batch/${jobId}`;
const approve = (jobId: string, name: string) =>
  review(jobId, { decision: 'approve', shape: SHAPE, seen: seen(name) });

test('a pull request that was closed for a rejection is open again once its change is approved and published', async () => {
  const { jobId, place } = await rejectedAndClosed('one');
  await approve(jobId, 'one');
  expect(await publishing.publish(jobId)).toMatchObject({ pullRequests: { open: 1, closed: 0 } });
  const row = await publishing.row(jobId, 'one');
  expect(row).toMatchObject({ pullRequestNumber: place.pull_number, pullRequest: { state: 'open' } });
  expect(row.pullRequest).not.toHaveProperty('closedFor');
  const { data } = await publishing.github.rest.issues.listComments({
    ...{ owner: 'local', repo: 'one', issue_number: place.pull_number },
  });
  expect(data.map(({ body }) => body)).toEqual([
    expect.stringContaining(`The change was rejected in the review of ${jobId}.`),
    expect.stringContaining(`The change is no longer rejected in the review of ${jobId}.`),
  ]);

  await review(jobId, { decision: 'reject', shape: SHAPE });
  expect(await publishing.publish(jobId)).toMatchObject({ pullRequests: { open: 0, closed: 1 } });
});

test('if GitHub does not reopen the pull request, another one is opened, and the row has the reason', async () => {
  const { jobId, place } = await rejectedAndClosed('two');
  await publishing.github.rest.git.deleteRef({
    ...{ owner: 'local', repo: 'two', ref: `heads/${branchOf(jobId)}` },
  });
  await approve(jobId, 'two');
  expect(await publishing.publish(jobId)).toMatchObject({ pullRequests: { open: 1, closed: 0 } });
  const { pullRequestNumber, pullRequest } = await publishing.row(jobId, 'two');
  expect(pullRequestNumber).toBeGreaterThan(place.pull_number);
  expect(pullRequest!.warnings).toEqual([
    expect.stringMatching(`^Pull request #${place.pull_number} could not be reopened \\(.*is not a branch`),
  ]);
});

test('a pull request that a person closed stays closed, also after one that the job had closed', async () => {
  const { jobId, place } = await rejectedAndClosed('three');
  await publishing.github.rest.pulls.update({ ...place, state: 'open' });
  await publishing.github.rest.pulls.update({ ...place, state: 'closed' });
  await approve(jobId, 'three');
  await publishing.publish(jobId);
  expect((await publishing.row(jobId, 'three')).pullRequest).toMatchObject({ state: 'closed' });
  const nothing = await publishing.call('POST', `/jobs/${jobId}/pull-requests`);
  expect(nothing).toMatchObject({ status: 409, json: { detail: expect.stringContaining('(closed)') } });

  const other = await publishing.record([change('three')]);
  await publishing.publish(other);
  const { pullRequestNumber } = await publishing.row(other, 'three');
  await publishing.github.rest.pulls.update({ ...place, pull_number: pullRequestNumber!, state: 'closed' });
  await review(other, { decision: 'reject', shape: SHAPE });
  await publishing.publish(other);
  expect((await publishing.row(other, 'three')).pullRequest).not.toHaveProperty('closedFor');
  await approve(other, 'three');
  expect((await publishing.call('POST', `/jobs/${other}/pull-requests`)).status).toBe(409);
});

test('a change that could not be judged opens no pull request before a person approves it', async () => {
  const judgement = {
    decision: 'none' as const,
    reasons: [{ file: '', text: 'The judge refused to answer.' }],
    rounds: 1,
    tokenUsage: NO_TOKENS,
  };
  const jobId = await publishing.record([change('three', { judgement })]);
  const refused = await publishing.call('POST', `/jobs/${jobId}/pull-requests`);
  expect(refused).toMatchObject({
    status: 409,
    json: { detail: expect.stringContaining('has to be approved first (The judge refused to answer.)') },
  });
  await review(jobId, { decision: 'approve', shape: SHAPE, seen: seen('three') });
  expect(await publishing.publish(jobId)).toMatchObject({ pullRequests: { open: 1 } });
});
