import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { OutcomeDocument } from '../../../core/outcome.ts';
import { git } from '../../support/git.ts';
import { call, calls, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
let checkout: string;
const NAME = 'acme/branches';

beforeAll(async () => {
  stack = await Stack.start({ bundled: true });
  await stack.createRepository(NAME, { 'a.txt': 'one\n' });
  await stack.createRepository('acme/empty', {});
  checkout = await stack.checkout(NAME);
  await git(checkout, 'tag', 'v1.0');
  await git(checkout, 'branch', 'bot/modernise');
  await git(checkout, 'branch', 'cody-batch');
  await git(checkout, 'push', '--quiet', 'origin', 'v1.0', 'bot/modernise', 'cody-batch');
});
afterAll(() => stack?.close());

type Job = NonNullable<Parameters<Stack['createJob']>[1]>;
const edit = calls(call('edit_file', { path: 'a.txt', oldText: 'one', newText: '1' }));

async function analyze(
  job: Job,
  name = NAME,
): Promise<{ outcome: OutcomeDocument; asked: number; jobId: string }> {
  const jobId = await stack.createJob([name], { createPullRequests: true, ...job });
  const { model, log } = await stack.work([jobId, name], [edit, submit]);
  const outcome = await stack.outcome(jobId, name);
  if (!outcome) throw new Error(log);
  return { outcome, asked: model.requests.length, jobId };
}

test.each<[string, Job, RegExp, string?]>([
  [
    'its branch exists already',
    { pullRequest: { branch: 'bot/modernise' } },
    /has a branch bot\/modernise already, .* not of this job.*Rename or delete that branch, then retry the job/,
  ],
  [
    'another branch has the name of its folder',
    {},
    /has a branch cody-batch, beside which .*Rename or delete cody-batch/,
  ],
  [
    'its branch has the name of a folder of another branch',
    { pullRequest: { branch: 'bot' } },
    /has a branch bot\/modernise, beside which/,
  ],
  [
    'its branch is the base branch',
    { pullRequest: { branch: 'main' } },
    /from main into main, its base branch.*Start a job/,
  ],
  [
    'the base is a tag',
    { settings: { baseBranch: 'v1.0' } },
    /v1\.0: that is a tag, and a pull request needs a branch/,
  ],
  ['the base does not exist', { settings: { baseBranch: 'nowhere' } }, /has no branch nowhere/],
  ['the repository is empty', {}, /push a first commit/, 'acme/empty'],
])(
  'a job whose pull request could not be opened because %s ends before the model is asked',
  async (...row: unknown[]) => {
    const [, job, reason, name] = row as [string, Job, RegExp, string?];
    const { outcome, asked } = await analyze(job, name);
    expect(outcome).toMatchObject({ outcome: 'failed', turns: 0, costUsd: 0 });
    expect(outcome.error!.name).toMatch(/^(?:PullRequestRefused|RepositoryUnavailable)Error$/);
    expect(outcome.error!.message).toMatch(reason);
    expect(asked).toBe(0);
  },
);

test('a branch of this job, a free name, a base with a slash, or any name without a pull request is accepted', async () => {
  await git(checkout, 'commit', '--quiet', '--allow-empty', '--message', 'Earlier');
  const free = await analyze({
    pullRequest: { branch: 'chore/new' },
    settings: { baseBranch: 'bot/modernise' },
  });
  expect(free.outcome).toMatchObject({ outcome: 'changed', baseBranch: 'bot/modernise' });
  const none = await analyze({ createPullRequests: false });
  expect(none.outcome).toMatchObject({ outcome: 'changed' });

  const jobId = await stack.createJob([NAME], {
    createPullRequests: true,
    pullRequest: { branch: 'bot/again' },
  });
  await git(
    checkout,
    'commit',
    '--quiet',
    '--amend',
    '--allow-empty',
    '--message',
    `Earlier\n\nCody-Batch-Job: ${jobId}`,
  );
  await git(checkout, 'push', '--quiet', 'origin', 'HEAD:refs/heads/bot/again');
  await stack.work([jobId, NAME], [edit, submit]);
  expect(await stack.outcome(jobId, NAME)).toMatchObject({ outcome: 'changed' });
});
