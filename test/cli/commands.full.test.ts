import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JobWithResults } from '../../cli/connect/api-client.ts';
import { listenOnLoopback } from '../../local/access/loopback.ts';
import type { MessageRequest } from '../../local/model/conversation.ts';
import type { Reply } from '../../local/model/reply.ts';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.ts';
import { CLI, cody, type ServedStack, serveStack } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOf } from '../support/work-trees.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let tree: string;
let other: string;
let claude: ScriptedModel;
let served: ServedStack;

/** The scripted answers of Claude, by the job's prompt. */
const ANSWERS: Record<string, (request: MessageRequest) => Reply> = {};
const KEY = { ANTHROPIC_API_KEY: 'sk-ant-not-a-real-key' };
/** Runs a job of Claude on the stack that serves. */
const runOnClaude = (...args: string[]) => cody(['run', ...args, '--yes', '--data', served.dataFolder], KEY);

beforeAll(async () => {
  folder = await temporaryFolder();
  tree = path.join(folder.path, 'first');
  other = path.join(folder.path, 'second');
  await repositoryOf(tree, {
    'src/a.js': 'oldCall(1);\r\noldCall(2);\r\n',
    'README.md': 'Calls oldCall( twice.\n',
  });
  await repositoryOf(other, { 'index.js': 'nothing here\n' });
  claude = await startScriptedModel((request) => {
    const said = JSON.stringify(request.messages);
    const [, answer] = Object.entries(ANSWERS).find(([prompt]) => said.includes(prompt))!;
    return answer(request);
  });
  const environment = { ...KEY, ANTHROPIC_BASE_URL: claude.url, ALLOW_UNPRICED_MODELS: 'true' };
  served = await serveStack({ environment });
});
afterAll(async () => {
  await served?.close();
  await claude?.close();
  await folder.remove();
});

const data = () => path.join(folder.path, `data-${Math.random().toString(36).slice(2)}`);

test.each([
  ['no command', [], 'one prompt, many repositories'],
  ['an unknown command', ['fly'], "Unknown command 'fly'"],
  ['an unknown option', ['run', '--fast'], "Unknown option '--fast'"],
  ['a misspelt command', ['joobs'], 'Did you mean jobs?'],
  ['a misspelt option', ['run', '--prompt-fil', 'x'], 'Did you mean --prompt-file?'],
  ['no repository', ['run', '--prompt', 'x'], '--repo is missing'],
  ['no prompt', ['run', '--repo', '.'], 'Give the change to make by --prompt'],
  ['an empty prompt', ['run', '--repo', '.', '--prompt', ' '], 'The prompt is empty'],
  [
    'an option that is not a number',
    ['run', '--repo', '.', '--prompt', 'x', '--max-turns', 'many'],
    '--max-turns is "many"',
  ],
  [
    'a repository that is neither',
    ['run', '--repo', '/does/not/exist', '--prompt', 'x'],
    'is neither a folder nor owner/name',
  ],
  [
    "GitHub's repository without a token",
    ['run', '--repo', 'octocat/hello-world', '--prompt', 'x'],
    'set GITHUB_TOKEN',
  ],
  [
    'a model without a key',
    ['run', '--repo', '.', '--prompt', 'x', '--model', 'claude-opus-5-5'],
    'needs ANTHROPIC_API_KEY or CLAUDE_API_KEY',
  ],
  ['an invalid port', ['serve', '--port', 'http'], '--port is "http"'],
])('%s is wrong usage: exit status 2 and one line with what to do', async (_what, args, message) => {
  const { status, stdout, stderr } = await cody([
    ...args,
    ...(args.includes('run') ? ['--data', data()] : []),
  ]);
  expect(status).toBe(2);
  expect(stdout + stderr).toContain(message);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test('a folder that is not a work tree, or is inside one, is refused by name', async () => {
  const plain = path.join(folder.path, 'plain');
  await mkdir(plain);
  const run = (repository: string) => cody(['run', '--repo', repository, '--prompt', 'x', '--data', data()]);
  const bare = path.join(tree, '.git');
  const [none, inside, noTree] = await Promise.all([run(plain), run(path.join(tree, 'src')), run(bare)]);
  expect(none).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`${plain} is not a git work tree`),
  });
  expect(inside).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`is inside the work tree ${tree}`),
  });
  expect(noTree).toMatchObject({
    status: 2,
    stderr: expect.stringContaining(`${bare} is a bare repository; clone it`),
  });
});

test('without a key the offline model changes two work trees, and says that it is not a language model', async () => {
  const dataFolder = data();
  const { status, stdout, stderr } = await cody([
    'run',
    '--repo',
    tree,
    '--repo',
    other,
    '--prompt',
    "Replace all occurrences of 'oldCall(' with 'newCall('.",
    '--data',
    dataFolder,
    '--out',
    path.join(folder.path, 'out'),
  ]);
  expect(stderr).toContain('offline model');
  expect(stderr).toContain('ANTHROPIC_API_KEY');
  expect(stderr).toMatch(/completed: 2 of 2 repositories ended/);
  expect(stdout).toMatch(/local\/first +changed +2 +3 +3 /);
  expect(stdout).toMatch(/local\/second +unchanged +0 +0 +0 /);
  expect(status).toBe(0);
  const patch = await readFile(path.join(folder.path, 'out/local/first/diff.patch'), 'utf8');
  expect(patch).toContain('+newCall(1);\r\n');
  expect(
    JSON.parse(await readFile(path.join(folder.path, 'out/local/first/thread.json'), 'utf8')),
  ).toMatchObject({ model: 'offline' });
  expect(await readFile(path.join(tree, 'src/a.js'), 'utf8')).toContain('oldCall(1)');
  expect(await readdir(path.join(dataFolder, 'tmp'))).toEqual([]);
  const published = await cody(['publish', '-', 'first', 'second', '--data', dataFolder]);
  expect(published.stdout).toMatch(/local\/first .*\/local\/first\/pull\/1$/m);
  expect(published.stderr).toMatch(/^Left out, .*: local\/second \(unchanged\)\.$/m);
});

test('a pipe that is closed ends the command without a word', async () => {
  const child = spawn(process.execPath, [CLI, 'completion', 'bash'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const said = text(child.stderr);
  const [status] = await once(child, 'close');
  expect([status, await said]).toEqual([141, '']);
});

test('a file that could not be edited is named in the table, and makes the exit status 1', async () => {
  const names = path.join(folder.path, 'names');
  await mkdir(names);
  // A name that is not UTF-8, which no tool can express.
  await writeFile(Buffer.concat([Buffer.from(`${names}/caf`), Buffer.from([0xe9])]), 'oldCall(2)\n');
  await repositoryOf(names, { 'plain.txt': 'oldCall(1)\n' });
  const prompt = "Replace all occurrences of 'oldCall(' with 'newCall('.";
  const { status, stdout } = await cody(['run', '--repo', names, '--prompt', prompt, '--data', data()]);
  expect(stdout).toMatch(/^local\/names +changed \(1 not done\) +1 /m);
  expect(stdout).toMatch(/^local\/names: not done: "caf\\xE9": /m);
  expect(status).toBe(1);
});

test('with a key Claude does the work, its cost is counted, and a repository that fails makes the exit status 1', async () => {
  const prompt = 'Add one file.';
  ANSWERS[prompt] = (request) => {
    if (JSON.stringify(request.messages).includes('local/second'))
      return { status: 400, type: 'invalid_request_error', message: 'output_config.effort: no' };
    const usage = {
      input_tokens: 1000,
      output_tokens: 200,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
    };
    const file = { path: 'new.txt', content: 'made by the model\n' };
    const done = { summary: 'Added.', title: 'Add a file', body: 'As asked.', wereChangesNecessary: true };
    return {
      usage,
      content: [
        request.messages.length === 1
          ? { type: 'tool_use', name: 'write_file', input: file }
          : { type: 'tool_use', name: 'task_complete', input: done },
      ],
    };
  };
  const { status, stdout, stderr } = await runOnClaude(
    ...['--repo', tree, '--repo', other, '--prompt', prompt, '--model', 'claude-sonnet-5-5'],
    ...['--max-cost', '3', '--max-turns', '7', '--json'],
  );
  expect(stderr).toContain('claude-sonnet-5-5 will work on 2 repositories. The caps allow up to $3.00');
  expect(status).toBe(1);
  const job = JSON.parse(stdout) as JobWithResults;
  expect(job).toMatchObject({
    status: 'completed',
    maxCostUsd: 3,
    settings: { maxTurns: 7, model: 'claude-sonnet-5-5' },
    counts: { completed: 1, failed: 1 },
  });
  const [first, second] = job.results;
  // Two answers of 1,000 and 200 tokens at $2 and $10 a million.
  expect(first).toMatchObject({
    outcome: 'changed',
    turns: 2,
    costUsd: 0.008,
    tokenUsage: { input: 2000, output: 400, total: 2400 },
  });
  expect(second).toMatchObject({
    outcome: 'failed',
    error: {
      name: 'ModelRequestError',
      message: expect.stringContaining("output_config.effort: no. Check the job's settings"),
    },
  });
  expect(stdout + stderr).not.toContain(KEY.ANTHROPIC_API_KEY);
});

test("neither a model's text nor the name of a folder can control the terminal", async () => {
  const attack = '\u001b[2J\u001b]0;owned\u0007\u001b]52;c;ZXZpbA==\u0007all completed\u009b2K\u202e';
  ANSWERS['Say it.'] = () => ({ content: [{ type: 'text', text: attack }] });
  const folders = path.join(folder.path, attack);
  await mkdir(folders);
  const run = (repository: string) => runOnClaude('--repo', repository, '--prompt', 'Say it.');
  const [spoken, named] = await Promise.all([run(tree), run(folders)]);
  expect(spoken.stdout).toContain('\\x1b[2J\\x1b]0;owned');
  expect(named.stderr).toContain('\\x1b[2J\\x1b]0;owned');
  for (const { stdout, stderr } of [spoken, named])
    expect(stdout + stderr).not.toMatch(/(?!\n)\p{Cc}|\p{Cf}/u);
});

test('a refused key is reported once, before a job is made', async () => {
  const error = { type: 'authentication_error', message: 'invalid x-api-key' };
  const asked: string[] = [];
  const refusing = await listenOnLoopback(
    (request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ type: 'error', error }));
    },
    { access: 'anyone', name: 'claude' },
  );
  try {
    const { status, stdout, stderr } = await cody(
      ['run', '--repo', tree, '--repo', other, '--prompt', 'x', '--data', data()],
      { ...KEY, ANTHROPIC_BASE_URL: refusing.url },
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('invalid x-api-key). Give ANTHROPIC_API_KEY a valid key.');
    expect(asked).toEqual(['GET /v1/models/claude-sonnet-5-5']);
  } finally {
    await refusing.close();
  }
});

test('a reason that several repositories share is printed once, with their number', async () => {
  ANSWERS['Fail alike.'] = () => ({
    status: 400,
    type: 'invalid_request_error',
    message: 'output_config.effort: no\u001b]0;owned\u0007\u202e',
  });
  const { status, stdout } = await runOnClaude('--repo', tree, '--repo', other, '--prompt', 'Fail alike.');
  expect(status).toBe(1);
  expect(stdout).toMatch(/^2 repositories: ModelRequestError: .*output_config\.effort: no\\x1b/m);
  expect(stdout.split('output_config')).toHaveLength(2);
  // The server's text is shown with its control characters escaped.
  expect(stdout).toContain('\\x1b]0;owned\\x07\\u{202e}');
  expect(stdout).toMatch(/^[\n\t\x20-\x7e−—]*$/);
});

test('if no price is known, the command says before anything is spent that no cap in dollars holds', async () => {
  ANSWERS['Say no.'] = () => ({
    usage: { input_tokens: 1000, output_tokens: 200 },
    content: [{ type: 'text', text: 'I cannot.' }],
  });
  const before = claude.requests.length;
  const { stdout, stderr } = await runOnClaude(
    ...['--repo', tree, '--prompt', 'Say no.', '--model', 'of-my-own', '--max-cost', '0.001'],
  );
  expect(stderr).toContain('of-my-own will work on 1 repository. No price is known for of-my-own');
  expect(stderr).toContain('neither maxCostUsd of the job nor that of a repository can be enforced');
  expect(stderr).not.toContain('The caps allow');
  expect(stdout).toMatch(/cost —$/m);
  expect(claude.requests).toHaveLength(before + 2);
  expect(claude.faults).toEqual([]);
});

test('a data folder that another stack uses is refused and not changed', async () => {
  const dataFolder = data();
  await mkdir(dataFolder);
  await writeFile(path.join(dataFolder, 'stack.json'), JSON.stringify({ layout: 2, pid: process.pid }));
  const prompt = "Replace 'a' with 'b'.";
  const { status, stderr } = await cody(['run', '--repo', tree, '--prompt', prompt, '--data', dataFolder]);
  expect(status).toBe(2);
  expect(stderr).toContain(`is in use by process ${process.pid}`);
  expect(await readdir(dataFolder)).toEqual(['stack.json']);
});
