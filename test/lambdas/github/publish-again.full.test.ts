import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { git } from '../../support/git.ts';
import { Publishing, type Recorded, text } from '../../support/publishing.ts';

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start();
});
afterAll(() => publishing?.close());

/** A repository with a change of `src/a.txt`. */
async function changed(name: string, more: Partial<Recorded> = {}): Promise<Recorded> {
  const baseSha = await publishing.addRepository(name, { 'src/a.txt': 'one\n', 'src/b.txt': 'two\n' });
  return { name, baseSha, files: [text('src/a.txt', 'ONE\n')], ...more };
}

async function pullOf(name: string) {
  const [pull, ...others] = await publishing.pulls(name);
  expect(others).toEqual([]);
  return pull!;
}

test('a branch with a foreign commit is not changed, and the row has the advice', async () => {
  const repository = await changed('taken');
  const tree = await publishing.clone('taken');
  await git(tree, 'checkout', '--quiet', '-b', 'change');
  await writeFile(path.join(tree, 'human.txt'), 'mine\n');
  await git(tree, 'add', '--all');
  await git(tree, 'commit', '--quiet', '--message', 'Mine');
  await publishing.push('taken', 'change');
  const mine = await git(tree, 'rev-parse', 'HEAD');

  const jobId = await publishing.record([repository], { pullRequest: { branch: 'change' } });
  const job = await publishing.publish(jobId);
  expect(job).toMatchObject({ status: 'completed', pullRequests: { failed: 1, open: 0 } });
  expect(job.results[0]).toMatchObject({
    status: 'completed',
    outcome: 'changed',
    pullRequest: {
      state: 'failed',
      error: {
        name: 'BranchHasOtherCommitsError',
        message: expect.stringMatching(/branch change of local\/taken .* Rename or delete that branch/),
      },
    },
  });
  expect(await publishing.fetch('taken', 'change')).toBe(mine);
  expect(await publishing.pulls('taken')).toEqual([]);
});

test('a new analysis replaces its own commit and the text of its pull request, unless someone committed on top', async () => {
  const repository = await changed('again');
  const pullRequest = { branch: 'change' };
  const jobId = await publishing.record([repository], { pullRequest });
  await publishing.publish(jobId);
  const first = await publishing.fetch('again', 'change');

  const second = {
    ...repository,
    files: [text('src/b.txt', 'TWO\n')],
    body: 'Another way.',
    row: { run: 2 },
  };
  const { pullRequest: recorded, ...row } = await publishing.row(jobId, 'again');
  await publishing.recordChange(jobId, { ...second, row: { ...row, pullRequest: recorded, run: 2 } });
  await publishing.publish(jobId);
  expect(await publishing.fetch('again', 'change')).not.toBe(first);
  const tree = publishing.tree('again');
  expect(await git(tree, 'rev-parse', 'FETCH_HEAD^')).toBe(repository.baseSha);
  expect(await git(tree, 'diff', '--name-only', 'FETCH_HEAD^', 'FETCH_HEAD')).toBe('src/b.txt');
  expect((await pullOf('again')).body).toContain('Another way.');

  await git(tree, 'checkout', '--quiet', '-b', 'change', 'FETCH_HEAD');
  await git(tree, 'commit', '--quiet', '--amend', '--allow-empty', '--message', 'A human took it over');
  await publishing.push('again', '--force', 'change');
  const taken = await git(tree, 'rev-parse', 'HEAD');
  const now = await publishing.row(jobId, 'again');
  await publishing.recordChange(jobId, { ...repository, row: { ...now, run: 3 } });
  await publishing.publish(jobId);
  expect(await publishing.fetch('again', 'change')).toBe(taken);
  expect((await publishing.row(jobId, 'again')).pullRequest).toMatchObject({
    state: 'open',
    error: { name: 'BranchHasOtherCommitsError' },
  });
});

test.each(['closed', 'merged'])(
  'a pull request that was %s is neither opened again nor doubled',
  async (end) => {
    const name = `ended-${end}`;
    const repository = await changed(name);
    const jobId = await publishing.record([repository], { pullRequest: { branch: 'change' } });
    await publishing.publish(jobId);
    const [owner, repo] = ['local', name];
    if (end === 'merged') await publishing.github.rest.pulls.merge({ owner, repo, pull_number: 1 });
    else await publishing.github.rest.pulls.update({ owner, repo, pull_number: 1, state: 'closed' });

    const row = await publishing.row(jobId, name);
    await publishing.recordChange(jobId, { ...repository, row: { ...row, run: 2 } });
    await publishing.publish(jobId);
    expect(await pullOf(name)).toMatchObject({ number: 1, state: 'closed' });
    expect((await publishing.row(jobId, name)).pullRequest).toMatchObject({ state: end });
  },
);

test.each([
  ['a workflow', { path: '.github/workflows/ci.yml' }, /protected files \(\.github\/workflows\/ci\.yml\)/],
  ['CODEOWNERS', { path: 'docs/CODEOWNERS' }, /protected files/],
  ["git's own folder", { path: 'sub/.GIT/config' }, /not a path inside the repository/],
  ['a path out of the repository', { path: '../outside' }, /not a path inside the repository/],
  ['a path that is a folder too', { path: 'src/a.txt/below' }, /as a file and as the folder/],
])('a recorded change of %s is refused where the credential is', async (what, file, reason) => {
  const name = `refused-${what.replace(/\W+/g, '-')}`;
  const repository = await changed(name, {
    files: [text('src/a.txt', 'ONE\n'), text(file.path, 'x\n', 'added')],
  });
  const job = await publishing.publish(await publishing.record([repository]));
  expect(job.results[0]!.pullRequest).toMatchObject({
    state: 'failed',
    error: { name: 'ChangeSetRefusedError', message: expect.stringMatching(reason) },
  });
  const { data } = await publishing.github.rest.repos.listBranches({ owner: 'local', repo: name });
  expect(data.map((branch) => branch.name)).toEqual(['main']);
});

test('a merged pull request of another job with the same branch name is not reused', async () => {
  const repository = await changed('reused');
  const earlier = await publishing.record([repository], { pullRequest: { branch: 'change' } });
  await publishing.publish(earlier);
  const place = { owner: 'local', repo: 'reused' };
  await publishing.github.rest.pulls.merge({ ...place, pull_number: 1 });
  await publishing.github.rest.git.deleteRef({ ...place, ref: 'heads/change' });

  const again = { ...repository, files: [text('src/b.txt', 'TWO\n')] };
  const jobId = await publishing.record([again], { pullRequest: { branch: 'change' } });
  await publishing.publish(jobId);
  expect(await publishing.row(jobId, 'reused')).toMatchObject({
    pullRequestNumber: 2,
    pullRequest: { state: 'open' },
  });
});
