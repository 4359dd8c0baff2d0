import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listenOnLoopback } from '../../local/access/loopback.ts';
import { CLI, cody, PLAIN_ENVIRONMENT } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Types into an interactive shell, and prints what is on its terminal once it has shown each of the expected texts. */
const TYPE = `
import json, os, pty, select, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b''
for typed, expected in json.loads(sys.argv[1]):
    start = len(shown)
    os.write(terminal, typed.encode())
    end = time.time() + 120
    while expected.encode() not in shown[start:]:
        if time.time() > end:
            sys.exit('the shell did not show %r: %r' % (expected, shown[start:]))
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536)
print(shown.decode())
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  const command = `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`;
  writeFileSync(path.join(folder.path, 'cody-batch'), command, { mode: 0o755 });
  for (const shell of ['bash', 'zsh', 'fish'])
    writeFileSync(path.join(folder.path, `completion.${shell}`), (await cody(['completion', shell])).stdout);
  mkdirSync(path.join(folder.path, 'config'));
  const contexts = { prod: { api: 'https://api.example.com' } };
  const lastJobs = { [path.join(folder.path, 'data')]: JOB };
  writeFileSync(path.join(folder.path, 'config/config.json'), JSON.stringify({ contexts, lastJobs }));
});
afterAll(() => folder.remove());

const JOB = 'job-01M8GAHMG59WHQ32DAX8SK3PKR';
const BASH = ['bash', '--norc', '--noprofile', '-i'];

const inFolder = () => ({
  encoding: 'utf8' as const,
  cwd: folder.path,
  env: {
    ...PLAIN_ENVIRONMENT,
    ...{ PATH: `${folder.path}:${PLAIN_ENVIRONMENT.PATH}`, PS1: '$ ', TERM: 'dumb' },
    CODY_BATCH_CONFIG_DIR: path.join(folder.path, 'config'),
  },
});

function type(
  shell: readonly string[],
  lines: readonly (readonly [typed: string, expected: string])[],
): void {
  execFileSync('python3', ['-c', TYPE, JSON.stringify(lines), ...shell], inFolder());
}

/** Not every machine has zsh and fish. */
function testIn(shell: string, name: string, run: () => void): void {
  const isThere = spawnSync(shell, ['--version']).status === 0;
  if (isThere) test(`${shell} ${name}`, run);
  else test.skip(`${shell} is not on this machine: ${name}`, run);
}

test('bash completes commands, options and values, and evaluates nothing of what is typed', () => {
  type(BASH, [
    ['. ./completion.bash; . ./completion.bash; echo "rea""dy"\n', 'ready\r\n'],
    ['cody-batch shap\t', 'shapes '],
    ['- --js\t', '--json '],
    ['\u0015cody-batch jobs --status proc\t', 'processing '],
    // Bash itself completes a name of a file, where the command has nothing to offer.
    ['\u0015cody-batch run --file completion.b\t', 'completion.bash '],
    ['\u0015cody-batch show --data data \t', JOB],
    ['\u0015cody-batch context use p\t', 'prod '],
    ['\u0015cody-batch jobs $(touch evaluated) --lim\t', '--limit '],
    ['\u0015test -e evaluated || echo not-"evaluated"\n', 'not-evaluated\r\n'],
  ]);
});

testIn('zsh', 'completes commands, options and values, and evaluates nothing of what is typed', () => {
  type(
    ['zsh', '-f', '-i'],
    [
      ['autoload -Uz compinit; compinit -D -u; . ./completion.zsh; echo "rea""dy"\n', 'ready\r\n'],
      ['cody-batch shap\t', 'shapes '],
      ['- --js\t', 'json '],
      ['\u0015cody-batch jobs --status proc\t', 'essing '],
      ['\u0015cody-batch run --file completion.b\t', 'ash '],
      ['\u0015cody-batch show --data data job\t', JOB.slice(3)],
      ['\u0015cody-batch show --context=p\t', 'rod '],
      ['\u0015cody-batch jobs $(touch evaluated) --lim\t', 'it '],
      ['\u0015test -e evaluated || echo not-"evaluated"\n', 'not-evaluated\r\n'],
    ],
  );
});

testIn('fish', 'completes commands, options and values, and evaluates nothing of what is typed', () => {
  const offered = (line: string) =>
    execFileSync(
      'fish',
      ['--no-config', '-c', 'source completion.fish; complete -C "$argv"', line],
      inFolder(),
    )
      .trimEnd()
      .split('\n')
      .map((one) => one.split('\t')[0]);
  expect(offered('cody-batch shap')).toEqual(['shapes']);
  expect(offered('cody-batch show - --js')).toEqual(['--json']);
  expect(offered('cody-batch jobs --status proc')).toEqual(['processing']);
  expect(offered('cody-batch run --file completion.b')).toEqual(['completion.bash']);
  expect(offered('cody-batch show --data data ')).toEqual([JOB]);
  expect(offered('cody-batch show --context=p')).toEqual(['--context=prod']);
  expect(offered('cody-batch jobs $(touch evaluated) --lim')).toEqual(['--limit']);
  expect(existsSync(path.join(folder.path, 'evaluated'))).toBe(false);
});

// Without a bound of its own the request would be given up after five minutes.
test('the prompt is back if the API does not answer, with the last job', async () => {
  const api = await listenOnLoopback(() => {}, { name: 'api', access: 'anyone' });
  const configFolder = path.join(folder.path, 'silent');
  mkdirSync(configFolder);
  writeFileSync(path.join(configFolder, 'config.json'), JSON.stringify({ lastJobs: { [api.url]: JOB } }));
  const environment = { CODY_BATCH_CONFIG_DIR: configFolder };
  const { stdout } = await cody(['complete', '--', 'show', '--api', api.url, ''], environment);
  await api.close();
  expect(stdout).toContain(JOB);
}, 120_000);

test('a shell is offered one command a line, and none that the library adds for itself', async () => {
  const { stdout } = await cody(['complete', '--', '']);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(/^:\d+$/);
  const names = lines.slice(0, -1).map((line) => line.split('\t')[0]);
  expect(names).toContain('run');
  expect(names.filter((name) => !/^[a-z-]+$/.test(name!))).toEqual([]);
  expect(names).not.toContain('completion-script');
});
