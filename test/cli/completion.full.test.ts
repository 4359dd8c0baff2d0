import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CLI, cody, PLAIN_ENVIRONMENT } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Types into an interactive bash, and prints what is on its terminal once it has shown each of the expected texts. */
const TYPE = `
import json, os, pty, select, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp('bash', ['bash', '--norc', '--noprofile', '-i'])
shown = b''
for typed, expected in json.loads(sys.argv[1]):
    start = len(shown)
    os.write(terminal, typed.encode())
    end = time.time() + 120
    while expected.encode() not in shown[start:]:
        if time.time() > end:
            sys.exit('bash did not show %r: %r' % (expected, shown[start:]))
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536)
print(shown.decode())
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  const command = `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`;
  writeFileSync(path.join(folder.path, 'cody-batch'), command, { mode: 0o755 });
  writeFileSync(path.join(folder.path, 'completion'), (await cody(['completion', 'bash'])).stdout);
});
afterAll(() => folder.remove());

function type(lines: readonly (readonly [typed: string, expected: string])[]): string {
  return execFileSync('python3', ['-c', TYPE, JSON.stringify(lines)], {
    encoding: 'utf8',
    cwd: folder.path,
    env: { ...PLAIN_ENVIRONMENT, PATH: `${folder.path}:${PLAIN_ENVIRONMENT.PATH}`, PS1: '$ ', TERM: 'dumb' },
  });
}

test('bash completes commands, options and values, and evaluates nothing of what is typed', () => {
  type([
    ['. ./completion; . ./completion; echo "rea""dy"\n', 'ready\r\n'],
    ['cody-batch shap\t', 'shapes '],
    ['- --js\t', '--json '],
    ['\u0015cody-batch jobs --status proc\t', 'processing '],
    // Bash itself completes a name of a file, where the command has nothing to offer.
    ['\u0015cody-batch run --file compl\t', 'completion '],
    ['\u0015cody-batch jobs $(touch evaluated) --lim\t', '--limit '],
    ['\u0015test -e evaluated || echo not-"evaluated"\n', 'not-evaluated\r\n'],
  ]);
});

test('a shell is offered one command a line, and none that the library adds for itself', async () => {
  const { stdout } = await cody(['complete', '--', '']);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(/^:\d+$/);
  const names = lines.slice(0, -1).map((line) => line.split('\t')[0]);
  expect(names).toContain('run');
  expect(names.filter((name) => !/^[a-z-]+$/.test(name!))).toEqual([]);
  expect(names).not.toContain('completion-script');
});
