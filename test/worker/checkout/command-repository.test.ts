import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { toolExchanges } from '../../../local/model/conversation.ts';
import { call, calls, Stack, submit, submitUnchanged } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

const files = {
  'menu.txt': 'soup\n',
  // As git stores it.
  'kitchen/stove.bat': 'on\noff\n',
  '.gitattributes': '*.bat text eol=crlf\n*.txt text\n',
};
const shell = (command: string) => call('shell', { command });
const cook = call('edit_file', { path: 'menu.txt', oldText: 'soup', newText: 'stew' });

test("commands can use git: it shows the base commit, a clean tree, and then the model's changes", async () => {
  const asked = [
    'git status --porcelain && git diff --exit-code && git diff --cached --exit-code && echo clean',
    'git rev-parse HEAD && git rev-parse --abbrev-ref HEAD && git log --format=%s && git ls-files',
    'git stash list && git describe --tags',
  ];
  const { model, outcome } = await stack.analyze(
    files,
    [
      calls(...asked.map(shell)),
      calls(
        cook,
        shell('git status --porcelain; git stash -q && cat menu.txt; git stash pop -q; cat menu.txt'),
      ),
      submit,
    ],
    { settings: { shell: true, setup: ['test "$(git status --porcelain)" = ""'] } },
  );
  const [clean, base, none, , stashed] = toolExchanges(model.requests.at(-1)!.body);
  expect(clean!.result).toMatch(/\nclean\n$/);
  expect(base!.result).toContain(
    `\n${outcome.baseSha}\nmain\nfirst\n.gitattributes\nkitchen/stove.bat\nmenu.txt\n`,
  );
  expect(none).toMatchObject({ isError: true, result: expect.stringContaining('No names found') });
  expect(stashed!.result).toMatch(/\n M menu\.txt\nsoup\nstew\n$/);
  expect(outcome).toMatchObject({ outcome: 'changed', changes: [{ file: 'menu.txt' }] });
});

test('commands see a commit with history as the only commit', async () => {
  await stack.createRepository('diner/history', files);
  await stack.push('diner/history', { 'menu.txt': 'soup of the day\n' }, 'second');
  const jobId = await stack.createJob(['diner/history'], { settings: { shell: true } });
  const script = [calls(shell('git log --format=%s && git fsck && git status -s')), submitUnchanged];
  const { model } = await stack.work([jobId, 'diner/history'], script);
  const [log] = toolExchanges(model.requests.at(-1)!.body);
  expect(log!.result).toMatch(/exit code 0[^\n]*\nsecond\n$/);
});

test('a job that asks for tags can run git describe on its base commit', async () => {
  await stack.createRepository('diner/tags', files);
  const { sha } = (await (await fetch(`${stack.github.apiUrl}/repos/diner/tags/commits/main`)).json()) as {
    sha: string;
  };
  const made = await fetch(`${stack.github.apiUrl}/repos/diner/tags/git/refs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ref: 'refs/tags/v4.2', sha }),
  });
  expect(made.status).toBe(201);
  await stack.push('diner/tags', { 'menu.txt': 'soup of the day\n' }, 'second');
  const jobId = await stack.createJob(['diner/tags'], { settings: { shell: true, fetchTags: true } });
  const script = [
    calls(shell('git describe --tags && git log --format=%s && git status -s')),
    submitUnchanged,
  ];
  const { model, log } = await stack.work([jobId, 'diner/tags'], script);
  expect(log).toContain('cloned');
  const [described] = toolExchanges(model.requests.at(-1)!.body);
  expect(described!.result).toMatch(/\nv4\.2-1-g[0-9a-f]+\nsecond\nfirst\n$/);
});

test('a change that a command commits, stashes or hides from git is still part of the change', async () => {
  const { outcome } = await stack.analyze(
    files,
    [
      calls(
        cook,
        shell('git add -A && git commit -q -m done && git status --porcelain'),
        shell(
          'echo "*" > .git/info/exclude; git update-index --assume-unchanged menu.txt; echo new > dessert.txt',
        ),
      ),
      submit,
    ],
    { settings: { shell: true } },
  );
  expect(outcome).toMatchObject({
    outcome: 'changed',
    changes: [{ file: 'dessert.txt' }, { file: 'menu.txt' }],
  });
});
