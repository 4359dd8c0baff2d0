import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePorts } from '../support/free-ports.ts';
import { cody } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOf } from '../support/work-trees.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let tree: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  tree = path.join(folder.path, 'tree');
  await repositoryOf(tree, { 'a.txt': 'one\n' });
});
afterAll(() => folder.remove());

const within = (...names: string[]) => path.join(folder.path, ...names);
const run = (data: string) => [
  'run',
  '--repo',
  tree,
  '--prompt',
  "Replace 'one' with 'two'.",
  '--data',
  data,
];
const serve = (data: string, port = '0') => ['serve', '--port', port, '--data', data];

/** Lines of progress before the refusal, and the hint after wrong usage. */
const IN_PROGRESS =
  /^(?:Starting …|Reading the repositories …|The offline model does the work\..*|`cody-batch .*--help` has .*)$/;

/** The command exits with status 2, and one line on standard error that matches, beside those of progress. */
async function expectRefused(
  args: readonly string[],
  said: RegExp,
  environment?: Record<string, string>,
  cwd?: string,
): Promise<void> {
  const { status, stdout, stderr } = await cody(args, environment, cwd);
  const lines = stderr
    .trimEnd()
    .split('\n')
    .filter((line) => !IN_PROGRESS.test(line));
  expect({ status, stdout, lines }).toEqual({ status: 2, stdout: '', lines: [expect.stringMatching(said)] });
}

test('without git, or with one that is too old, nothing is started', async () => {
  const old = within('old-git');
  await mkdir(old);
  await writeFile(path.join(old, 'git'), '#!/bin/sh\necho git version 2.30.2\n', { mode: 0o755 });
  const none = within('no-git');
  await mkdir(none);
  for (const args of [run(within('a')), serve(within('a'))]) {
    await expectRefused(args, /^cody-batch: git was not found; install git 2\.38 or newer/, { PATH: none });
  }
  await expectRefused(run(within('a')), /^cody-batch: git version 2\.30\.2 is too old; install git 2\.38/, {
    PATH: `${old}:${process.env.PATH}`,
  });
  expect(existsSync(within('a'))).toBe(false);
});

test.each([0, 3])(
  'a port in use (%i after the one named) is said, and nothing is started',
  async (offset) => {
    const first = await freePorts(7);
    const port = first + offset;
    const server = net.createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    try {
      const data = within(`port-${offset}`);
      await expectRefused(
        serve(data, String(first)),
        new RegExp(`^cody-batch: a port is in use .*127\\.0\\.0\\.1:${port}.*--port`),
      );
      expect(await readdir(data)).toEqual(['secret', 'stack.json']);
      expect(JSON.parse(await readFile(path.join(data, 'stack.json'), 'utf8'))).not.toHaveProperty('pid');
    } finally {
      server.close();
    }
  },
);

test('an invalid port, or one without six ports after it, is refused', async () => {
  const { status, stderr } = await cody(serve(within('b'), '65533'));
  expect(status).toBe(2);
  expect(stderr).toMatch(/--port is 65533; expected at most 65529/);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test("a data folder with another version's layout, or of another program, is not changed", async () => {
  const contents = {
    'another version, not in use': '{"layout":1,"shape":"unknown"}',
    'another version, in use': `{"layout":3,"pid":${process.pid}}`,
    'something else': 'version: "3"\n',
  };
  for (const [name, content] of Object.entries(contents)) {
    await mkdir(within(name));
    await writeFile(within(name, 'stack.json'), content);
    const said =
      name === 'something else'
        ? /was not written by Cody Batch/
        : /version [13] of the layout.*has version 2.*Name another folder with --data, or remove it/;
    await expectRefused(run(within(name)), said);
    expect(await readdir(within(name))).toEqual(['stack.json']);
    expect(await readFile(within(name, 'stack.json'), 'utf8')).toBe(content);
  }
});

test('a data folder keeps its layout version when no process uses it', async () => {
  const data = within('kept');
  expect((await cody(run(data))).status).toBe(0);
  expect(JSON.parse(await readFile(path.join(data, 'stack.json'), 'utf8'))).toEqual({ layout: 2 });
});

test("a data folder in use by another process is refused with that process's id, and not changed", async () => {
  const data = within('in use');
  await mkdir(data);
  await writeFile(path.join(data, 'stack.json'), JSON.stringify({ layout: 2, pid: process.pid }));
  await expectRefused(serve(data), new RegExp(`is in use by process ${process.pid}`));
  expect(await readdir(data)).toEqual(['stack.json']);
});

test('two commands that start at once over one data folder do not share it by mistake', async () => {
  const data = within('at once');
  const ends = await Promise.all([cody(run(data)), cody(run(data))]);
  expect(ends.map(({ status }) => status).sort()).toEqual([0, 2]);
  for (const { status, stderr } of ends)
    if (status === 2) expect(stderr).toMatch(/^cody-batch: The data folder .* is in use by process \d+/m);
});

test('a data folder below a file, or that cannot be written, is refused with the reason', async () => {
  await writeFile(within('file'), 'content\n');
  await expectRefused(run(within('file', 'data')), /cannot be written: ENOTDIR.*--data/);
  expect(await readFile(within('file'), 'utf8')).toBe('content\n');
  await symlink(within('loop'), within('loop'));
  await expectRefused(serve(within('loop')), /cannot be written.*--data/);
});

test('an invalid setting is named with the expected form, and its value is not shown', async () => {
  const wrong: [string, string][] = [
    ['MAX_TURNS', 'abc'],
    ['CLAUDE_TEMPERATURE', '0.5'],
    ['ANTHROPIC_BASE_URL', 'sk-ant-a-key-in-the-wrong-place'],
  ];
  for (const [name, value] of wrong) {
    const { status, stderr } = await cody(run(within('c')), { [name]: value });
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        new RegExp(`^cody-batch: .*${name} \\(${value.length} characters\\): .+\n$`, 'm'),
      ),
    });
    expect(stderr).not.toContain(value);
  }
  expect(existsSync(within('c'))).toBe(false);
});

test('Bedrock is refused on this machine, where a worker has no role, and the offline model does not replace it', async () => {
  const bedrock = { CLAUDE_PROVIDER: 'bedrock' };
  for (const args of [run(within('bedrock')), serve(within('bedrock'))])
    await expectRefused(args, /^cody-batch: CLAUDE_PROVIDER is bedrock\. .* set ANTHROPIC_API_KEY/, bedrock);
  expect(existsSync(within('bedrock'))).toBe(false);
});

test('a setting that the stack decides is refused by name and not ignored', async () => {
  const decided = { DYNAMODB_ENDPOINT: 'http://127.0.0.1:9', ARTIFACTS_URL: 's3://bucket' };
  for (const args of [run(within('e')), serve(within('e'))])
    await expectRefused(
      args,
      /^cody-batch: DYNAMODB_ENDPOINT and ARTIFACTS_URL cannot be set.*\.env/,
      decided,
    );
  expect(existsSync(within('e'))).toBe(false);
});

test('an invalid setting of .env is named, and so is a .env that cannot be read', async () => {
  const project = within('project');
  await mkdir(project);
  await writeFile(path.join(project, '.env'), 'MAX_TURNS=abc\n');
  const named = (folder: string) => [...serve(within('d')), '--settings', path.join(folder, '.env')];
  await expectRefused(named(project), /MAX_TURNS \(3 characters\)/);
  const other = within('other project');
  await mkdir(path.join(other, '.env'), { recursive: true });
  await expectRefused(named(other), /^cody-batch: [^\n]*\.env cannot be read: /);
  expect(existsSync(within('d'))).toBe(false);
});

/** Mounts a file system of this size. Prints the reason and returns undefined if this user cannot. */
async function smallDisk(name: string, size: string): Promise<string | undefined> {
  const disk = within(name);
  await mkdir(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'tmpfs', disk], { stdio: 'pipe' });
    return disk;
  } catch (error) {
    console.warn(`Skipped: no file system can be mounted here (${(error as Error).message.trim()}).`);
    return undefined;
  }
}

test('a full disk is reported before anything is written to it', async () => {
  const disk = await smallDisk('full', '1m');
  if (!disk) return;
  try {
    await expectRefused(run(path.join(disk, 'data')), /has 1 MiB left, and a stack needs 64\. .*--data/);
    await expectRefused(serve(disk), /MiB left, and a stack needs 64/);
    await writeFile(path.join(disk, 'filler'), Buffer.alloc(2 ** 20)).catch(() => {});
    await expectRefused(run(path.join(disk, 'data')), /--data/);
    expect(await readdir(disk)).not.toContain('stack.json');
  } finally {
    execFileSync('umount', ['--lazy', disk]);
  }
});
