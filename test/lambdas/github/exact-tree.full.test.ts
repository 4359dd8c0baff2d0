import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { registerWorkTrees } from '../../../cli/trees/register.ts';
import { inspectWorkTree } from '../../../cli/trees/work-tree.ts';
import type { MessageRequest } from '../../../local/model/conversation.ts';
import { callTool } from '../../support/fleet.ts';
import { git } from '../../support/git.ts';
import { type ScriptedModel, startScriptedModel } from '../../support/scripted-model.ts';
import { type ServedStack, startStackProcess } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
import { commitAll } from '../../support/work-trees.ts';

/** Everything that a tree can say, changed in one go. */
const COMMAND = `
printf 'one\\r\\nTWO\\r\\n' > crlf.txt
printf '\\357\\273\\277marked\\n' > marked.txt
printf 'no line end' > unended.txt
printf '\\000\\001\\377binary' > image.bin
printf 'caf\\351\\n' > latin1.txt
: > empty.txt
printf 'a\\000b' > nul.txt
chmod 755 script.sh
chmod 644 tool.sh
ln -s elsewhere link
rm old-link && ln -s new-target old-link
rm file-to-link.txt && ln -s crlf.txt file-to-link.txt
mv renamed.txt 'folder/with a space é.txt'
rm folder/deleted.txt
rm was-file && mkdir -p was-file/deep && echo now a folder > was-file/deep/file.txt
rm -r was-folder && echo now a file > was-folder
echo quoted > 'quo"te\\back.txt'
`;

let stack: ServedStack;
let model: ScriptedModel;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  model = await startScriptedModel(({ messages }: MessageRequest) =>
    messages.length === 1
      ? callTool('shell', { command: COMMAND })
      : callTool('task_complete', {
          summary: 'Changed everything.',
          title: 'Change everything',
          body: '',
          wereChangesNecessary: true,
        }),
  );
  stack = await startStackProcess({
    model: 'claude',
    given: { ANTHROPIC_API_KEY: 'sk-ant-not-a-real-key', ANTHROPIC_BASE_URL: model.url },
  });
});
afterAll(async () => {
  await stack?.close();
  await model?.close();
  await folder?.remove();
});

async function makeRepository(tree: string): Promise<void> {
  const files: Record<string, string | Buffer> = {
    'crlf.txt': 'one\r\ntwo\r\n',
    'marked.txt': 'plain\n',
    'image.bin': Buffer.from([0, 1, 2, 3]),
    'script.sh': '#!/bin/sh\n',
    'tool.sh': '#!/bin/sh\n',
    'renamed.txt': 'the same\n',
    'file-to-link.txt': 'text\n',
    'folder/deleted.txt': 'gone\n',
    'was-file': 'a file\n',
    'was-folder/one.txt': 'one\n',
    'was-folder/two.txt': 'two\n',
    'untouched/deep/file.txt': 'stays\n',
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(tree, name)), { recursive: true });
    await writeFile(path.join(tree, name), content);
  }
  await symlink('old-target', path.join(tree, 'old-link'));
  await chmod(path.join(tree, 'tool.sh'), 0o755);
  await commitAll(tree);
}

test('the commit has the tree that git apply makes of the diff: modes, links, line ends, bytes, deletions and renames', async () => {
  const tree = path.join(folder.path, 'everything');
  await makeRepository(tree);
  await registerWorkTrees([await inspectWorkTree(tree)], stack.gitHub);
  const created = await fetch(`${stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      prompt: 'Change everything.',
      repositories: ['local/everything'],
      createPullRequests: true,
      settings: { shell: true },
    }),
  });
  const { jobId } = (await created.json()) as { jobId: string };
  const route = `${stack.api}/jobs/${jobId}/repositories/local/everything`;
  const row = await until('the pull request', async () => {
    const found = (await (await fetch(route)).json()) as {
      pullRequest?: object;
      error?: object;
      branch: string;
    };
    if (found.error) throw new Error(JSON.stringify(found.error));
    return found.pullRequest && found;
  });
  const { pullRequest } = row;
  expect(pullRequest).not.toHaveProperty('error');
  expect(pullRequest).toMatchObject({ state: 'open' });

  await writeFile(
    path.join(folder.path, 'diff.patch'),
    Buffer.from(await (await fetch(`${route}/diff`)).arrayBuffer()),
  );
  await git(tree, 'apply', '--index', path.join(folder.path, 'diff.patch'));
  const applied = await git(tree, 'write-tree');
  expect(applied).not.toBe(await git(tree, 'rev-parse', 'HEAD^{tree}'));
  await git(tree, 'fetch', '--quiet', `${stack.gitHub}/local/everything.git`, `refs/heads/${row.branch}`);
  // The listing first: where the two differ it says in what.
  expect(await git(tree, 'ls-tree', '-r', 'FETCH_HEAD')).toBe(await git(tree, 'ls-tree', '-r', applied));
  expect(await git(tree, 'rev-parse', 'FETCH_HEAD^{tree}')).toBe(applied);
  expect(await git(tree, 'ls-tree', '-r', '--name-only', '-z', applied)).toContain('with a space é.txt');
  expect(await git(tree, 'ls-tree', applied, 'script.sh', 'tool.sh', 'link', 'was-folder')).toMatch(
    /^120000 .*link\n100755 .*script.sh\n100644 .*tool.sh\n100644 .*was-folder$/,
  );
});
