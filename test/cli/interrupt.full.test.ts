import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { repositoryOfRequest, writeAndSubmit } from '../support/fleet.ts';
import { alive, descendantsOf } from '../support/process-tree.ts';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.ts';
import { CLI, PLAIN_ENVIRONMENT, ROOT } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { repositoryOf } from '../support/work-trees.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let model: ScriptedModel;
/** Children that a failed test left running. */
const children = new Set<ChildProcess>();
const NAMES = ['a-done', 'b-stalls', 'c-verifies', 'd-queued'];
/** Passes on the base commit, and stalls once the model has made its change. */
const VERIFY =
  "grep -q c-verifies name.txt && test -e b.txt || exit 0; (trap '' TERM INT HUP; sleep 4322.5) & sleep 4322.5";

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const name of NAMES) await repositoryOf(path.join(folder.path, name), { 'name.txt': `${name}\n` });
  model = await startScriptedModel((request) =>
    repositoryOfRequest(request) === 'b-stalls' && request.messages.length > 1
      ? { stall: true }
      : writeAndSubmit(request),
  );
});
afterAll(async () => {
  for (const child of children) child.kill('SIGTERM');
  await model.close();
  await folder.remove();
});

/** Starts `cody-batch run` and waits until it is in the middle of its work. */
async function runAtWork(dataFolder: string) {
  const repositories = NAMES.flatMap((name) => ['--repo', path.join(folder.path, name)]);
  const child = spawn(
    process.execPath,
    [
      ...[CLI, 'run', ...repositories, '--prompt', 'Edit.', '--verify', VERIFY],
      ...['--concurrency', '2', '--yes', '--data', dataFolder],
    ],
    {
      cwd: ROOT,
      env: {
        ...PLAIN_ENVIRONMENT,
        ANTHROPIC_API_KEY: 'sk-ant-not-a-real-key',
        ANTHROPIC_BASE_URL: model.url,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  children.add(child);
  child.once('close', () => children.delete(child));
  const ended = once(child, 'close') as Promise<[number | null, string | null]>;
  const printed = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed.err += text;
  });
  const sleeps = () => descendantsOf(child.pid!).filter(({ command }) => command === 'sleep 4322.5');
  await until(
    'a verify command, and the first result',
    () => /1 of 4/.test(printed.err) && sleeps().length === 2,
    undefined,
    100,
  );
  return { child, ended, printed, atWork: descendantsOf(child.pid!) };
}

const interrupt = (child: ChildProcess) => child.kill('SIGINT');

test('Ctrl-C cancels the job, says so, shows the results, and leaves nothing running', async () => {
  const dataFolder = path.join(folder.path, 'once');
  const { child, ended, printed, atWork } = await runAtWork(dataFolder);
  interrupt(child);
  expect((await ended)[0]).toBe(1);
  expect(alive(atWork)).toEqual([]);
  expect(printed.err).toMatch(/Cancelling job-\w+\. Ctrl-C again ends at once/);
  expect(printed.out).toMatch(/local\/a-done +changed /);
  for (const name of NAMES.slice(1)) expect(printed.out).toMatch(new RegExp(`local/${name} +cancelled `));
  expect(printed.out).toMatch(/job-\w+: cancelled, cost \$0\.02/);
  expect(await readdir(path.join(dataFolder, 'tmp'))).toEqual([]);
});

test.each([
  ['Ctrl-C twice ends at once', ['SIGINT', 'SIGINT'], 130],
  ['SIGTERM, as at a shutdown of the machine, ends at once', ['SIGTERM'], 143],
] as const)('%s, and leaves nothing running', async (_what, signals, status) => {
  const { child, ended, atWork } = await runAtWork(path.join(folder.path, signals.join('-')));
  for (const signal of signals) child.kill(signal);
  const [first] = signals;
  // Two equal signals at the same time are delivered once, so the second is sent until it arrives.
  const again = setInterval(() => child.kill(first), 20);
  expect(await ended).toEqual([status, null]);
  clearInterval(again);
  await until('the end of what worked', () => alive(atWork).length === 0);
});
