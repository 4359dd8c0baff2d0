import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { COMMANDS } from '../../cli/program.ts';
import { type Packed, packed } from '../support/packed.ts';
import { PLAIN_ENVIRONMENT, ROOT } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOf } from '../support/work-trees.ts';

/** Another user, who owns nothing on most systems; only root can become one. */
const OTHER_USER = process.getuid?.() === 0 ? 65_534 : undefined;
const PROMPT = "Replace all occurrences of 'oldCall(' with 'newCall('";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let installed: Packed;
let home: string;
/** The whole identifier of the first job. */
let jobId: string;
/** Started once the first job has ended: commands that find it start no services of their own. */
let server: ChildProcess | undefined;

beforeAll(async () => {
  folder = await temporaryFolder();
  installed = packed();
  home = path.join(folder.path, 'home');
  for (const name of ['one', 'two'])
    await repositoryOf(path.join(home, name), { 'a.js': 'oldCall(1);\n', 'b.js': `oldCall('${name}');\n` });
  // The other user may not be able to reach this process's own, such as in a folder of mode 700.
  mkdirSync(path.join(folder.path, 'node'));
  copyFileSync(process.execPath, path.join(folder.path, 'node', 'node'));
  openToOthers();
});
afterAll(async () => {
  server?.kill('SIGKILL');
  execFileSync('chmod', ['-R', 'u+w', installed.prefix]);
  await folder.remove();
});

/** The other user may read the installation, which no one may write, and owns its home. */
function openToOthers(): void {
  for (let above = installed.prefix; above !== '/tmp' && above !== '/'; above = path.dirname(above))
    chmodSync(above, 0o755);
  execFileSync('chmod', ['-R', 'a+rX,a-w', installed.prefix]);
  chmodSync(folder.path, 0o755);
  if (OTHER_USER !== undefined) execFileSync('chown', ['-R', String(OTHER_USER), home]);
}

type Run = { status: number | null; stdout: string; stderr: string };

/** Starts the installed command as another user, in that user's home. */
function start(args: readonly string[], environment: Record<string, string> = {}) {
  return spawn(installed.command, args, {
    cwd: home,
    env: {
      PATH: `${path.join(folder.path, 'node')}:/usr/local/bin:/usr/bin:/bin`,
      HOME: home,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(OTHER_USER !== undefined && { uid: OTHER_USER, gid: OTHER_USER }),
  });
}

async function run(args: readonly string[], environment?: Record<string, string>): Promise<Run> {
  const child = start(args, environment);
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      printed[name] += text;
    });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, ...printed };
}

test('the package has bundles and licences, needs dynalite alone, and no source', () => {
  const names = execFileSync('tar', ['-tzf', installed.tarball], { encoding: 'utf8' });
  expect(names).toContain('package/bin/cody-batch.js');
  expect(names).toContain('package/dist/cli/worker/worker.mjs');
  expect(names).not.toMatch(/\.ts$/m);
  const root = path.join(installed.prefix, 'lib/node_modules/cody-batch');
  expect(Object.keys(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).dependencies)).toEqual(
    ['dynalite'],
  );
  const importBatch = "console.log(typeof (await import('cody-batch/batch')).BatchService)";
  const asModule = ['--input-type=module', '--eval', importBatch];
  expect(execFileSync(process.execPath, asModule, { cwd: root, encoding: 'utf8' })).toBe('function\n');
  const licences = readFileSync(path.join(root, 'dist/cli/THIRD_PARTY_LICENSES.txt'), 'utf8');
  for (const name of ['commander', '@aws-sdk/client-s3', 'zod'])
    expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
});

test('an older Node.js gets one line', () => {
  const old = "Object.defineProperty(process.versions, 'node', { value: '20.9.0' })";
  const preload = `data:text/javascript,${encodeURIComponent(old)}`;
  let refused: { status?: number; stderr?: string } = {};
  try {
    execFileSync(process.execPath, ['--import', preload, installed.command, 'jobs'], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch (error) {
    refused = error as typeof refused;
  }
  expect(refused.status).toBe(2);
  expect(refused.stderr).toMatch(
    /^cody-batch: this is Node\.js 20\.9\.0, which is too old\. Install Node\.js 22\.14 .*\n$/,
  );
});

test('npx runs the tarball, and a link to the checkout runs the source', () => {
  const npx = [
    'exec',
    '--yes',
    '--prefer-offline',
    '--package',
    installed.tarball,
    '--',
    'cody-batch',
    '--version',
  ];
  expect(execFileSync('npm', npx, { cwd: folder.path, encoding: 'utf8' })).toBe('0.1.0\n');
  const prefix = path.join(folder.path, 'linked');
  // Its scripts would build the page of this checkout, which is there.
  const link = ['install', '--global', '--ignore-scripts', '--prefix', prefix, ROOT];
  execFileSync('npm', link, { cwd: folder.path, stdio: 'pipe' });
  expect(execFileSync(path.join(prefix, 'bin/cody-batch'), ['--version'], { encoding: 'utf8' })).toBe(
    '0.1.0\n',
  );
  // Scripts call a checkout by this path.
  const script = [path.join(ROOT, 'bin/cody-batch.ts'), '--version'];
  expect(execFileSync(process.execPath, script, { encoding: 'utf8' })).toBe('0.1.0\n');
});

test('every command has help with an example', () => {
  const main = pathToFileURL(path.join(installed.prefix, 'lib/node_modules/cody-batch/dist/cli/main.js'));
  // In one process: each command is a bundle of its own, and how a process starts is shown below.
  const script = `const { main } = await import(${JSON.stringify(main.href)});
for (const name of ${JSON.stringify(Object.keys(COMMANDS))})
  console.log('status', name, await main([name, '--help']));`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: folder.path,
    encoding: 'utf8',
  });
  const parts = printed.split(/^status (\S+ \d+)\n/m);
  for (const [i, name] of Object.keys(COMMANDS).entries()) {
    expect(parts[2 * i + 1]).toBe(`${name} 0`);
    expect(parts[2 * i]).toMatch(new RegExp(`^Examples:\n  cody-batch ${name}`, 'm'));
  }
});

test('another user runs a job of a file from a read-only installation, with results in a folder', async () => {
  const { status, stdout, stderr } = await run([
    'run',
    '-r',
    'one,two',
    '-p',
    PROMPT,
    '--out',
    'out',
    '--json',
  ]);
  expect([status, stderr]).toEqual([0, expect.stringMatching(/2 of 2 repositories ended/)]);
  jobId = JSON.parse(stdout).jobId;
  const patch = readFileSync(path.join(home, 'out/local/one/diff.patch'), 'utf8');
  expect(patch).toContain('+newCall(1);');
  expect(existsSync(path.join(home, 'out/local/one/thread.md'))).toBe(true);
});

test('without a server, a command starts the services that it needs', async () => {
  expect((await run(['jobs'])).stdout).toMatch(/^job-\w{26} +completed +2\/2 /m);
});

test('a server of the installed package takes a job, and its page has an address', async () => {
  server = start(['serve', '--port', '0']);
  for await (const line of createInterface({ input: server.stdout! })) if (/^Ctrl-C ends/.test(line)) break;
  server.stdout!.resume();
  const submitted = await run(['submit', '-r', 'one', '-p', PROMPT]);
  expect([submitted.stdout, submitted.status]).toEqual([expect.stringMatching(/^job-\w{26}\n$/), 0]);
  expect((await run(['watch', '-'])).stdout).toMatch(/: completed, cost —$/m);
  const page = await run(['open', '-', '--print']);
  expect(page.stdout).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:\\d+/j/${submitted.stdout.trim()}$`, 'm'));
});

test.each<[string, (id: string) => string[], RegExp]>([
  ['jobs', () => ['jobs'], /^job-\w{26} +completed +2\/2 /m],
  ['show', (id) => ['show', id.slice(-6)], /^local\/one +changed +2 +2 +2 /m],
  ['show of one', (id) => ['show', id, 'one'], /^end +submitted$/m],
  ['watch', (id) => ['watch', id], /: completed, cost —$/m],
  ['diff', (id) => ['diff', id, 'one'], /^\+newCall\(1\);$/m],
  ['diff --stat', (id) => ['diff', id, '--stat'], /^local\/two +2 +2 +2 /m],
  ['shapes', (id) => ['shapes', id], /undecided/],
  ['thread', (id) => ['thread', id, 'one'], /^- edit_file /m],
  ['log', (id) => ['log', id, 'two'], /"outcome":"changed"/],
  ['resolve', () => ['resolve', 'local/*', '!local/two'], /^local\/two +!local\/two leaves it out$/m],
  ['runs', (id) => ['runs', id], /^ *1 +create +completed /m],
  ['patches', (id) => ['patches', id, 'one', '--out', 'one.zip'], /\/one\.zip$/m],
  ['review', (id) => ['review', id, 'one', '--approve'], /^Approved: 1 repository\.$/m],
  ['apply', (id) => ['apply', id, 'one'], /has the change/],
  ['export', (id) => ['export', id, '--out', 'exported'], /^2 repositories of job-/m],
  ['publish', (id) => ['publish', id, 'one'], /^local\/one .*\/local\/one\/pull\/1$/m],
  [
    'pull-requests, as publish was called',
    (id) => ['pull-requests', id],
    /^local\/two .*\/local\/two\/pull\/1$/m,
  ],
  ['a merge', (id) => ['publish', id, 'one', '--operation', 'merge'], /^local\/one .*\/pull\/1 merged$/m],
  ['show of what is merged', (id) => ['show', id, 'one'], /^pull request +\S+\/pull\/1, merged$/m],
  ['admin pacing', (id) => ['admin', 'pacing', id], /^The next pull request may be opened /m],
  ['admin audit', () => ['admin', 'audit'], /^Nothing was administered yet\.$/m],
  ['context', () => ['context'], /^\* local +this machine$/m],
  ['doctor', () => ['doctor'], /^git +ok /m],
  ['completion', () => ['completion', 'fish'], /complete .*cody-batch/],
  ['what the shell asks', () => ['complete', '--', 'sh'], /^show\t/m],
  ['clean', () => ['clean', '--older-than', '0d', '--dry-run'], /^job-\w{26} .* old/m],
  ['delete', (id) => ['delete', id, '--yes'], /is deleted\.$/m],
])('%s works in the installed package', async (_name, args, expected) => {
  const { status, stdout, stderr } = await run(args(jobId));
  expect(status === 0 ? '' : stderr).toBe('');
  expect(stdout).toMatch(expected);
});

test('a job runs again in the installed package: the rest of its sample, a revision, a retry that is refused', async () => {
  const sample = await run(['run', '-r', 'one,two', '-p', PROMPT, '--sample', '1', '--json']);
  expect([sample.status, JSON.parse(sample.stdout)]).toMatchObject([0, { status: 'waiting', held: 1 }]);
  const rest = await run(['continue', '-', '--max-turns', '30', '--json']);
  const continued = JSON.parse(rest.stdout);
  expect([rest.status, continued]).toMatchObject([
    0,
    { status: 'completed', run: 2, settings: { maxTurns: 30 }, counts: { completed: 2 } },
  ]);
  const instruction = ['-p', "Replace all occurrences of 'newCall(' with 'newerCall('"];
  expect((await run(['revise', '-', ...instruction])).stderr).toMatch(/No repository is picked/);
  const revised = await run(['revise', '-', 'one', ...instruction, '--json']);
  expect([revised.status, JSON.parse(revised.stdout).run]).toEqual([0, 3]);
  expect(revised.stderr).toMatch(/The revision: 1 /);
  const kinds = JSON.parse((await run(['runs', '-', '--json'])).stdout) as { kind: string }[];
  expect(kinds.map(({ kind }) => kind)).toEqual(['revise', 'continue', 'create']);
  const retried = await run(['retry', '-']);
  expect([retried.status, retried.stderr]).toEqual([2, expect.stringMatching(/nothing to retry/)]);
  const cancelled = await run(['cancel', '-']);
  expect([cancelled.status, cancelled.stderr]).toEqual([2, expect.stringMatching(/already completed/)]);
  const logout = await run(['logout', '--api', 'https://api.example.com']);
  expect(logout.stdout).toMatch(/^There was no sign-in/);
});

test('the server ends when it is told to', async () => {
  const ended = once(server!, 'exit');
  expect((await run(['serve', '--stop'])).status).toBe(0);
  expect((await ended)[0]).toBe(0);
  const submitted = await run(['submit', '-r', 'one', '-p', PROMPT]);
  expect([submitted.status, submitted.stderr]).toEqual([2, expect.stringMatching(/cody-batch serve/)]);
});

test('the demonstration of the installed package runs a whole job, and leaves nothing behind', async () => {
  const { status, stdout } = await run(['demo'], { TMPDIR: home });
  expect([status, stdout.match(/\/pull\/1$/gm)]).toEqual([0, Array(3).fill('/pull/1')]);
  expect(stdout).toMatch(/^job-\w{26}: completed in /m);
  expect(readdirSync(home).filter((name) => name.startsWith('cody-batch-demo-'))).toEqual([]);
});

test("the SDK's client speaks the Model Context Protocol with the installed package", async () => {
  const client = new Client({ name: 'test', version: '1' });
  const data = path.join(folder.path, 'data-of-mcp');
  await client.connect(
    new StdioClientTransport({
      command: installed.command,
      args: ['mcp', '--data', data],
      env: { ...PLAIN_ENVIRONMENT, HOME: folder.path },
      stderr: 'ignore',
    }),
  );
  try {
    expect(client.getServerVersion()).toMatchObject({ name: 'cody-batch' });
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('plan_job');
    expect(await client.callTool({ name: 'list_jobs', arguments: {} })).toMatchObject({
      content: [{ type: 'text', text: expect.stringContaining('"jobs": []') }],
    });
  } finally {
    await client.close();
  }
});

test('the branch that apply made has the change, and the work tree is as it was', () => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'safe.directory=*', '-C', path.join(home, 'one'), ...args], {
      encoding: 'utf8',
    });
  expect(git('show', `cody-batch/${jobId}:a.js`)).toBe('newCall(1);\n');
  expect(git('status', '--porcelain')).toBe('');
  expect(readFileSync(path.join(home, 'one/a.js'), 'utf8')).toBe('oldCall(1);\n');
});

test('a job of a deployment is refused in the words of the command line, with lines of the file', async () => {
  mkdirSync(path.join(home, 'jobs'), { recursive: true });
  const file = path.join(home, 'jobs/job.yaml');
  execFileSync('tee', [file], {
    input: 'prompt: x\nrepositories: [acme/a]\nsettings:\n  maxFiles: many\n  shel: true\n',
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  chownSync(file, OTHER_USER ?? -1, -1);
  const { status, stderr } = await run(['run', '--api', 'https://api.example.com', '-f', 'jobs/job.yaml']);
  expect(status).toBe(2);
  expect(stderr).toMatch(/job\.yaml:4: settings\.maxFiles is "many"/);
  expect(stderr).toMatch(/job\.yaml:5: .*there is no field settings\.shel/);
});
