import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { toolExchanges } from '../../local/model/conversation.ts';
import { call, calls, Stack, SUBMISSION, submit, submitUnchanged } from './stack.ts';

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
    { settings: { verify, exclude: ['never'] } },
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
  const settings = { verify: ['echo broken build; exit 1'] };
  const attempt = (text: string) => calls(write('a.txt', text), call('task_complete', SUBMISSION));
  const script = [attempt('1'), attempt('2'), attempt('3')];
  const { outcome } = await stack.analyze(files, script, { settings });
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'gaveUp', turns: 3 });
  expect(outcome.summary).toContain('broken build');
  expect(outcome.verification).toMatchObject([{ exitCode: 1, output: 'broken build\n' }]);
  expect(outcome.artifacts).toMatchObject({ diff: expect.any(String) });
  expect(outcome.artifacts.changeSet).toBeUndefined();
});

/** Submits a change that must come back, and gives what the model was told. */
async function refusalOf(content: ReturnType<typeof call>[], settings = {}, submission: object = SUBMISSION) {
  const undo = calls(
    call('shell', {
      command:
        "find . -type f ! -name a.txt ! -name ci.yml -delete; echo one > a.txt; echo 'on: push' > .github/workflows/ci.yml",
    }),
  );
  const { model, outcome } = await stack.analyze(
    files,
    [calls(...content, call('task_complete', submission)), undo, submitUnchanged],
    { settings: { shell: true, ...settings } },
  );
  expect(outcome.outcome).toBe('unchanged');
  const exchanges = toolExchanges(model.requests[1]!.body);
  expect(exchanges.at(-1)!.isError).toBe(true);
  return exchanges.at(-1)!.result!;
}

test('protected files, large patches, many files and claims that do not hold go back to the model', async () => {
  expect(await refusalOf([write('.github/workflows/ci.yml', 'on: pull_request\n')])).toContain('protected');
  expect(await refusalOf([write('big.txt', 'x'.repeat(2000))], { maxPatchKiB: 1 })).toContain('allows 1');
  expect(await refusalOf([write('b', 'b'), write('c', 'c')], { maxFiles: 1 })).toContain('2 files');
  expect(await refusalOf([])).toContain('nothing differs');
  const denial = { ...SUBMISSION, wereChangesNecessary: false };
  expect(await refusalOf([write('b', 'b')], {}, denial)).toContain('but b changed');
  const shell = call('shell', { command: 'echo x > made-by-shell' });
  expect(await refusalOf([shell], { exclude: ['made-*'] })).toContain('include and exclude');
  const leak = write('b', 'test-github-token-0123456789');
  expect(await refusalOf([leak])).toContain('credential');
});

test('a protected file that the job allows may be changed', async () => {
  const { outcome } = await stack.analyze(
    files,
    [calls(write('.github/workflows/ci.yml', 'on: pull_request\n'), call('task_complete', SUBMISSION))],
    { settings: { allowProtected: ['.github/workflows/*.yml'] } },
  );
  expect(outcome).toMatchObject({ outcome: 'changed', changes: [{ file: '.github/workflows/ci.yml' }] });
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
