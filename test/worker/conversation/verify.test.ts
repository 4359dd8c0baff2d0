import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { toolExchanges } from '../../../local/model/conversation.ts';
import { until } from '../../support/until.ts';
import { call, calls, Stack, SUBMISSION, submit, submitUnchanged } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

const files = { 'a.txt': 'one\n', '.github/workflows/ci.yml': 'on: push\n' };
const write = (path: string, content: string) => call('write_file', { path, content });

test('a change that fails a check goes back to the model, and the outcome says which check passed in the end', async () => {
  const verify = ['grep two a.txt', 'touch made-by-check; exit 0'];
  const { outcome, model } = await stack.analyze(
    files,
    [
      calls(write('a.txt', '2\n'), call('task_complete', SUBMISSION)),
      calls(
        write('a.txt', 'two\n'),
        call('run_check', { command: verify[0] }),
        call('run_check', { command: 'rm *' }),
      ),
      submit,
    ],
    { settings: { verify, verifyBaseline: false, exclude: ['never'] } },
  );
  const [, failed, , checked, refused] = toolExchanges(model.requests.at(-1)!.body);
  expect(failed).toMatchObject({
    isError: true,
    result: expect.stringMatching(/grep two a\.txt[\s\S]*exit code 1/),
  });
  expect(checked).toMatchObject({ isError: false, result: expect.stringMatching(/exit code 0[\s\S]*two/) });
  expect(refused!.isError).toBe(true);
  expect(outcome).toMatchObject({
    outcome: 'changed',
    verification: [{ exitCode: 0, output: 'two\n' }, { exitCode: 0 }],
  });
});

test('checks that never pass end after three submissions, with the last output', async () => {
  const settings = { verify: ['grep -q one a.txt || { echo broken build; exit 1; }'] };
  const attempt = (text: string) => calls(write('a.txt', text), call('task_complete', SUBMISSION));
  const script = [attempt('1'), attempt('2'), attempt('3')];
  const { outcome } = await stack.analyze(files, script, { settings });
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'gaveUp', turns: 3 });
  expect(outcome.summary).toContain('broken build');
  expect(outcome.verification).toMatchObject([{ exitCode: 1, output: 'broken build\n' }]);
  expect(outcome.artifacts).toMatchObject({ diff: expect.any(String) });
  expect(outcome.artifacts.changeSet).toBeUndefined();
});

const undo = call('shell', {
  command:
    "find . -type f ! -name a.txt ! -name ci.yml -delete; echo one > a.txt; echo 'on: push' > .github/workflows/ci.yml",
});

type Attempt = { content?: ReturnType<typeof call>[]; submission?: object };

/** Submits two changes that must be refused, and returns the result of each. */
async function refusalsOf(settings: object, ...attempts: [Attempt, Attempt]): Promise<string[]> {
  const turns = attempts.map(({ content = [], submission = SUBMISSION }) =>
    calls(...content, call('task_complete', submission), undo),
  );
  const { model, outcome } = await stack.analyze(files, [...turns, submitUnchanged], {
    settings: { shell: true, ...settings },
  });
  expect(outcome.outcome).toBe('unchanged');
  const submissions = toolExchanges(model.requests[2]!.body).filter(({ name }) => name === 'task_complete');
  expect(submissions.map(({ isError }) => isError)).toEqual([true, true]);
  return submissions.map(({ result }) => result!);
}

test('protected files, large patches, many files and false claims go back to the model', async () => {
  const workflow = { content: [call('shell', { command: 'echo changed > .github/workflows/ci.yml' })] };
  const leak = { content: [write('b', 'test-github-token-0123456789')] };
  const [guarded, credential] = await refusalsOf({}, workflow, leak);
  expect(guarded).toContain('protected');
  expect(credential).toContain('credential');

  const big = { content: [write('big.txt', 'x'.repeat(2000))] };
  const many = { content: [write('b', 'b'), write('c', 'c')] };
  const [tooBig, tooMany] = await refusalsOf({ maxPatchKiB: 1, maxFiles: 1 }, big, many);
  expect(tooBig).toContain('allows 1');
  expect(tooMany).toContain('2 files');

  const denied = { content: [write('b', 'b')], submission: { ...SUBMISSION, wereChangesNecessary: false } };
  const [nothing, something] = await refusalsOf({}, {}, denied);
  expect(nothing).toContain('nothing differs');
  expect(something).toContain('but b changed');

  const made = { content: [call('shell', { command: 'echo x > made-by-shell' })] };
  const untitled = { content: [write('b', 'b')], submission: { ...SUBMISSION, title: ' ' } };
  const [outside, title] = await refusalsOf({ exclude: ['made-*'] }, made, untitled);
  expect(outside).toContain('include and exclude');
  expect(title).toContain('title');
});

test('a protected file that the job allows may be changed', async () => {
  const { outcome } = await stack.analyze(
    files,
    [calls(write('.github/workflows/ci.yml', 'on: pull_request\n'), call('task_complete', SUBMISSION))],
    { settings: { allowProtected: ['.github/workflows/*.yml'] } },
  );
  expect(outcome).toMatchObject({ outcome: 'changed', changes: [{ file: '.github/workflows/ci.yml' }] });
});

test('only what passed on the untouched base must pass: a check that failed there is shown and refuses nothing', async () => {
  const verify = ['echo rotten >&2; exit 3', 'grep -q one a.txt'];
  const { outcome, model } = await stack.analyze(
    files,
    [
      calls(write('a.txt', 'two\n'), call('task_complete', SUBMISSION)),
      calls(write('a.txt', 'one two\n'), call('run_check', { command: verify[0] })),
      submit,
    ],
    { settings: { verify } },
  );
  const told = JSON.stringify(model.requests[0]!.body.messages[0]);
  expect(told).toContain('echo rotten >&2; exit 3 (exit code 3)');
  expect(told).not.toContain('grep');
  const [, refused, , checked] = toolExchanges(model.requests.at(-1)!.body);
  expect(refused).toMatchObject({
    isError: true,
    result: expect.stringMatching(
      /does not pass\.\s+grep -q one a\.txt[\s\S]*These fail without the change too[^\n]*echo rotten/,
    ),
  });
  expect(checked).toMatchObject({
    isError: true,
    result: expect.stringMatching(/failed before any change too[\s\S]*exit code 3[\s\S]*rotten/),
  });
  expect(outcome).toMatchObject({
    outcome: 'changed',
    verification: [
      { exitCode: 3, baseExitCode: 3, output: 'rotten\n' },
      { exitCode: 0, baseExitCode: 0 },
    ],
  });
});

test.each([
  ['is not installed', 'no-such-tool --check'],
  ['may not be executed', './a.txt'],
])('a check that %s ends the repository by its name, before the model is paid', async (_, command) => {
  const { outcome, model } = await stack.analyze(files, [], {
    settings: { verify: ['echo x > trace.txt', command] },
  });
  expect(model.requests).toEqual([]);
  expect(outcome).toMatchObject({
    outcome: 'failed',
    turns: 0,
    costUsd: 0,
    changes: [],
    error: { name: 'VerifyNotRunnableError', message: expect.stringContaining(JSON.stringify(command)) },
  });
});

test('a job without a baseline runs no check before its change, and refuses every failure', async () => {
  const command = './new.sh';
  const make = call('shell', { command: 'printf "#!/bin/sh\\n" > new.sh; chmod +x new.sh' });
  const { outcome } = await stack.analyze(files, [calls(write('b', 'b')), submit, calls(make), submit], {
    settings: { shell: true, verify: [command], verifyBaseline: false },
  });
  expect(outcome).toMatchObject({ outcome: 'changed', turns: 4, verification: [{ command, exitCode: 0 }] });
  expect(outcome.verification[0]).not.toHaveProperty('baseExitCode');
});

test('what checks leave in the untouched tree is not in the change, and what setup leaves there still is', async () => {
  const verify = [
    'grep -q "set up" a.txt && echo report > report.txt && mkdir -p out/deep && echo x > out/deep/x',
    'rm -rf .github; echo ruined > a.txt; echo "*" > .gitignore; mkdir -p a.dir; rm -f from-setup; ln -sfn / link',
  ];
  const settings = { setup: ['echo set up >> a.txt; echo new > from-setup'], verify };
  const { outcome } = await stack.analyze(files, [calls(call('list_files', {}), write('b', 'b\n')), submit], {
    settings,
  });
  expect(outcome).toMatchObject({
    outcome: 'changed',
    changes: [
      { file: 'a.txt', additions: 1, deletions: 0 },
      { file: 'b', status: 'added' },
      { file: 'from-setup', status: 'added' },
    ],
  });
});

test('a worker that resumes from a checkpoint does not run the baseline again', async () => {
  await stack.createRepository('acme/baseline', files);
  const verify = ['echo run >> "$TMPDIR/../../baseline-runs"; grep -q one a.txt; exit $?', 'exit 4'];
  const setup = ['echo new > from-setup'];
  const jobId = await stack.createJob(['acme/baseline'], { settings: { setup, verify } });
  const { child, finished, model } = await stack.startWorker([jobId, 'acme/baseline'], [{ stall: true }]);
  await until('the first request', () => model.requests.length > 0);
  child.kill('SIGKILL');
  await finished;
  const resumed = await stack.work(
    [jobId, 'acme/baseline'],
    [calls(write('a.txt', 'one two\n'), call('task_complete', SUBMISSION))],
  );
  expect(resumed.exitCode).toBe(0);
  expect(await readFile(path.join(stack.tempDir, 'baseline-runs'), 'utf8')).toBe('run\nrun\n');
  const outcome = await stack.outcome(jobId, 'acme/baseline');
  expect(outcome).toMatchObject({
    outcome: 'changed',
    changes: [{ file: 'a.txt' }, { file: 'from-setup' }],
    verification: [{ baseExitCode: 0 }, { exitCode: 4, baseExitCode: 4 }],
  });
});

test('a repository that needs no change is completed without a diff', async () => {
  const { outcome } = await stack.analyze(files, [submitUnchanged], { settings: { verify: ['exit 1'] } });
  expect(outcome).toMatchObject({
    outcome: 'unchanged',
    end: 'submitted',
    wereChangesNecessary: false,
    changes: [],
  });
  expect(outcome.artifacts.diff).toBeUndefined();
});
