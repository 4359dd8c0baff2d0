import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { glob } from 'glob';
import { ChangeSet } from '../../../core/change-set.ts';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { toolExchanges } from '../../../local/model/conversation.ts';
import { git } from '../../support/git.ts';
import { importTrees, type RawFile, text } from '../../support/import-trees.ts';
import { call, calls, Stack, SUBMISSION, submit, submitUnchanged } from '../../support/worker-stack.ts';

const PNG = Buffer.from('\x89PNG\r\n\x1a\n\x01\x02', 'latin1');

/** A repository older than its .gitattributes: most of its blobs do not have the form that they require. */
const OLD = new Map<string, RawFile>([
  [
    '.gitattributes',
    text(
      '* text eol=lf\n*.cmd eol=crlf\n*.c ident\n*.lock binary\n*.dat filter=lfs -text\n.github/** eol=lf\n',
    ),
  ],
  ['.gitignore', text('build/\n')],
  ['.github/workflows/ci.yml', text('on: push\r\n')],
  ['install.cmd', text('rem one\r\nrem two\r\n')],
  ['logo.png', text(PNG)],
  ['version.c', text('/* $Id: 7777777 $ */\n')],
  ['service.lock', text('port = 8080\nhost = here\n')],
  ['app.conf', text('port = 8080\n')],
  ['model.dat', text('version https://git-lfs.github.com/spec/v1\n')],
  ['module', { commit: '0123456789abcdef0123456789abcdef01234567' }],
]);

const NAME = 'acme/old';
let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
  await stack.createRepository(NAME, { 'first.txt': 'replaced\n' });
  const [bare] = await glob(`github/**/${NAME}.git`, { cwd: stack.folder, absolute: true });
  await importTrees(bare!, { main: OLD });
});
afterAll(() => stack.close());

async function work(script: Parameters<Stack['work']>[1], settings = {}) {
  const jobId = await stack.createJob([NAME], { settings });
  const { exitCode, model, log } = await stack.work([jobId, NAME], script);
  const outcome = await stack.outcome(jobId, NAME);
  if (exitCode !== 0 || !outcome) throw new Error(log);
  return {
    jobId,
    outcome,
    told: () => toolExchanges(model.requests.at(-1)!.body).map(({ result }) => result!),
  };
}

test('a job that finds nothing to do in an old repository is unchanged, with an empty change', async () => {
  const { outcome } = await work([submitUnchanged]);
  expect(outcome).toMatchObject({ outcome: 'unchanged', changes: [] });
  expect(outcome.artifacts.diff).toBeUndefined();
});

test('one edited file is the whole change, found and counted whatever its attributes, and applies by the documented command', async () => {
  const { jobId, outcome, told } = await work([
    calls(call('search_code', { pattern: '8080', literal: true })),
    calls(call('edit_file', { path: 'service.lock', oldText: '8080', newText: '9090' })),
    submit,
  ]);
  expect(told()[0]).toContain('service.lock:1: port = 8080');
  expect(outcome).toMatchObject({
    outcome: 'changed',
    changes: [{ file: 'service.lock', status: 'modified', additions: 1, deletions: 1 }],
  });
  const written = ChangeSet.parse(
    JSON.parse(
      String(await stack.artifacts.read(runArtifactKeys({ jobId, repositoryName: NAME, run: 1 }).changeSet)),
    ),
  );
  expect(written.files).toMatchObject([
    { path: 'service.lock', content: Buffer.from('port = 9090\nhost = here\n').toString('base64') },
  ]);

  const clone = await stack.checkout(NAME);
  // git takes these for modified from the start, which `git apply --index` stumbles over.
  expect(await git(clone, 'ls-files', '--modified')).not.toBe('');
  writeFileSync(`${clone}.patch`, (await stack.artifacts.read(outcome.artifacts.diff!))!);
  await git(clone, 'apply', '--cached', `${clone}.patch`);
  await git(clone, 'commit', '--quiet', '--message', 'By hand');
  expect(await git(clone, 'diff', '--name-only', 'HEAD~1', 'HEAD')).toBe('service.lock');
  expect(await git(clone, 'show', 'HEAD:service.lock')).toBe('port = 9090\nhost = here');
  expect(readFileSync(`${clone}.patch`, 'latin1')).toContain('+port = 9090\n');
});

const litter = [
  'mkdir -p build module/deep && echo made > build/out.js && echo lost > module/deep/file',
  'git init -q tools && echo x > tools/x',
  "printf 'new\\r\\n' > new.conf",
].join(' && ');

test("a submission's result names the files that are not in the change, and those stored differently", async () => {
  const { jobId, outcome } = await work([calls(call('shell', { command: litter })), submit], { shell: true });
  expect(outcome).toMatchObject({ outcome: 'changed', changes: [{ file: 'new.conf', additions: 1 }] });
  const thread = String(
    await stack.artifacts.read(runArtifactKeys({ jobId, repositoryName: NAME, run: 1 }).thread),
  );
  expect(thread).toContain(
    'Stored with LF instead of CRLF, as .gitattributes requires for text files: new.conf.',
  );
  const left = /In the tree, but not in the change: ([^"]*)\./.exec(thread)?.[1];
  expect(left?.split(', ')).toEqual([
    'build/ (ignored by git)',
    'tools/ (a nested git repository)',
    'module/ (a submodule)',
  ]);
});

test('a submission with raw bytes on a path with a filter, or with a name that hides, is refused by name', async () => {
  const { outcome, told } = await work(
    [
      calls(call('shell', { command: 'echo raw > big.dat && echo new > model.dat && echo 9090 > app.conf' })),
      submit,
      calls(
        call('shell', {
          command: 'rm big.dat; git checkout -- model.dat; echo x > "$(printf \'new\\tname\')"',
        }),
        call('task_complete', SUBMISSION),
      ),
      calls(call('shell', { command: 'rm new*name' }), call('task_complete', SUBMISSION)),
    ],
    { shell: true },
  );
  expect(told()[1]).toMatch(
    /big\.dat has the attribute filter=lfs.*; model\.dat has .*undo the change of that file/,
  );
  expect(told()[3]).toContain('"new\\tname" has control characters in its name');
  expect(outcome).toMatchObject({ outcome: 'changed', changes: [{ file: 'app.conf' }] });
});
