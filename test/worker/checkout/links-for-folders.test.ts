import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { applyPatch, resetTree } from '../../../worker/checkout/changes.ts';
import { ToolRunner } from '../../support/tool-runner.ts';

let runner: ToolRunner;
beforeAll(async () => {
  runner = await ToolRunner.start();
});
afterAll(() => runner.close());

const FILES = { 'a.txt': 'a\n', 'd/x.txt': 'x\n', 'd/s/y.txt': 'y\n', 'k/y.txt': 'k\n', f: 'f\n' };

const COMMANDS: Record<string, string[]> = {
  // The old paths lead to the same files through the link, so git cannot see that they moved.
  'mv d e && ln -s e d': [
    'added d',
    'added e/s/y.txt',
    'added e/x.txt',
    'deleted d/s/y.txt',
    'deleted d/x.txt',
  ],
  'rm -rf d && ln -s /tmp d': ['added d', 'deleted d/s/y.txt', 'deleted d/x.txt'],
  'rm -rf d && ln -s nowhere d': ['added d', 'deleted d/s/y.txt', 'deleted d/x.txt'],
  'rm -rf d/s && ln -s ../k d/s && printf 1 > k/y.txt': [
    'added d/s',
    'deleted d/s/y.txt',
    'modified k/y.txt',
  ],
  'rm -rf d && ln -s k d && echo d > .gitignore': [
    'added .gitignore',
    'deleted d/s/y.txt',
    'deleted d/x.txt',
  ],
  'rm f && mv d f && ln -s f d': [
    'added d',
    'added f/s/y.txt',
    'added f/x.txt',
    'deleted d/s/y.txt',
    'deleted d/x.txt',
    'deleted f',
  ],
};

test.each(Object.keys(COMMANDS))(
  'a link that replaces a folder is part of the change, and the patch reproduces it: %s',
  async (command) => {
    const tree = await runner.open(FILES, { settings: { shell: true } });
    expect(await tree.call('shell', { command })).toMatchObject({ isError: false });
    expect(await tree.changes()).toEqual(COMMANDS[command]);

    const { git, tree: changed } = tree.context;
    const { patch } = await changed.changes();
    await resetTree(git);
    changed.touch();
    expect(await tree.changes()).toEqual([]);
    await applyPatch(git, patch!);
    changed.touch();
    expect(await tree.changes()).toEqual(COMMANDS[command]);
  },
);
