import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.ts';
import { PLAIN_ENVIRONMENT } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let claude: ScriptedModel;

beforeAll(async () => {
  folder = await temporaryFolder();
  claude = await startScriptedModel([]);
});
afterAll(async () => {
  await claude.close();
  await folder.remove();
});

test('npm run demo makes three pull requests on real source, spends no key of the shell, and leaves nothing', async () => {
  const temporary = path.join(folder.path, 'tmp');
  await mkdir(temporary);
  const child = spawn('npm', ['run', '--silent', 'demo'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...PLAIN_ENVIRONMENT,
      TMPDIR: temporary,
      ANTHROPIC_API_KEY: 'sk-ant-of-the-shell',
      ANTHROPIC_BASE_URL: claude.url,
      GITHUB_TOKEN: 'ghp_of_the_shell',
      AWS_PROFILE: 'production',
    },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [status] = await once(child, 'close');

  expect(status).toBe(0);
  expect(stdout).toMatch(/repository +outcome +files +\+ +− +turns +tokens +cost +pull request/);
  expect(stdout.match(/ changed +\d+ .*\/pull\/1$/gm)).toHaveLength(3);
  expect(stdout).toContain('The offline model did the work');
  expect(stdout).toContain('ANTHROPIC_API_KEY');
  const files = [...stderr.matchAll(/^(\d+) files of /gm)].map(([, count]) => Number(count));
  expect(files).toHaveLength(3);
  for (const count of files) expect(count).toBeGreaterThan(40);
  // Plain lines where there is no terminal: no cursor movements.
  expect(stderr).toMatch(/completed: 3 of 3 repositories ended/);
  expect(stdout + stderr).not.toContain('\u001b[');

  expect(claude.requests).toEqual([]);
  // npm itself caches its compiled code in the temporary folder.
  expect((await readdir(temporary)).filter((name) => name !== 'node-compile-cache')).toEqual([]);
  const commands = await promisify(execFile)('ps', ['-eo', 'args']);
  expect(commands.stdout).not.toContain(temporary);
});

test('demo --keep shows its pull requests in a browser, and removes everything at the end', async () => {
  const temporary = path.join(folder.path, 'kept');
  await mkdir(temporary);
  const child = spawn(process.execPath, ['bin/cody-batch.js', 'demo', '--keep'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...PLAIN_ENVIRONMENT, TMPDIR: temporary },
  });
  const ended = once(child, 'close');
  let stdout = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    stdout += chunk;
    if (stdout.includes('Ctrl-C ends everything')) break;
  }
  child.stdout.resume();
  const [url] = /http:\S+\/local\/\S+\/pull\/1/.exec(stdout.slice(stdout.indexOf('Open in a browser'))) ?? [];
  expect(await (await fetch(url!)).text()).toContain('Merge pull request</button>');
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
  expect((await readdir(temporary)).filter((name) => name !== 'node-compile-cache')).toEqual([]);
});
