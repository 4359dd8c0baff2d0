import { expect, test } from '@jest/globals';
import { errorShape } from '../../../core/shape/error-shape.ts';

const lost = (message: string) => errorShape({ error: { name: 'WorkerLostError', message } });
const verify = (output: string, exitCode: number | null = 1, command = 'npm test') =>
  errorShape({ end: 'maxTurns', verification: [{ command, exitCode, output }] });

test.each([
  ['numbers', lost('Stopped after 30 minutes at 1.25 USD.'), lost('Stopped after 5 minutes at 0.5 USD.')],
  ['commits', lost('The base commit 3f2a9c1d77 is gone.'), lost('The base commit 00000001ab is gone.')],
  ['paths', lost('Cannot read /work/a/b.ts: denied'), lost('Cannot read src/c.ts: denied')],
  ['names of repositories', lost('acme/shop was not found.'), lost('acme/app-2 was not found.')],
  ['quoted text', lost('The branch "main" is protected.'), lost('The branch "it\'s" is protected.')],
  ['addresses', lost('GET https://a.example/x?y=1 failed'), lost('GET https://b.example/z failed')],
  ['identifiers', lost('The Batch job 01M7K3T9XW2Q8R failed'), lost('The Batch job 01M7K3T9XW2Q9Z failed')],
  [
    'lines before the error, colours and places',
    verify('> test\n\u001b[31mTypeError: a.b is not a function\u001b[0m\n at x.js:1:2'),
    verify('> other\nran 12\nTypeError: a.b is not a function'),
  ],
])('failures that differ in %s are one class', (_, one, other) => {
  expect(one).toBe(other);
});

test.each([
  ['the end', errorShape({ end: 'maxTurns' }), errorShape({ end: 'maxCost' })],
  ['the name', lost('a'), errorShape({ error: { name: 'CloneError', message: 'a' } })],
  ['the message', lost('No worker was started.'), lost('The worker ended without an outcome.')],
  ['the command', verify('', 1, 'npm test'), verify('', 1, 'npm run lint')],
  ['the exit status', verify('', 1), verify('', 2)],
  ['a signal', verify('', 1), verify('', null)],
  ['the error', verify('SyntaxError: Unexpected token'), verify('TypeError: x is not a function')],
  ['the code of a compiler', verify('a.ts(1,2): error TS2345: no'), verify('a.ts(1,2): error TS2304: no')],
])('failures that differ in %s are two classes', (_, one, other) => {
  expect(one).not.toBe(other);
});

test('a failure reads as what happened', () => {
  expect(verify('0 errors\nsrc/a.ts(12,5): error TS2304: Cannot find name "x" in /a/b.\n', 2)).toBe(
    '1:maxTurns · npm test exited 2 · …(N): error TS2304: Cannot find name … in …',
  );
  expect(lost('The worker ended without an outcome (exit code 137). Retry the job.')).toBe(
    '1:WorkerLostError: The worker ended without an outcome (exit code N). Retry the job.',
  );
  expect(errorShape({})).toBe('1:failed');
});

test('a command that also failed without the change is not why the repository failed', () => {
  const before = { command: 'npm run lint', exitCode: 1, baseExitCode: 1, output: 'error: a' };
  const because = { command: 'npm test', exitCode: 1, baseExitCode: 0, output: 'error: b' };
  expect(errorShape({ end: 'stuck', verification: [before, because] })).toBe(
    '1:stuck · npm test exited 1 · error: b',
  );
});

test('text of a repository cannot act on a terminal, nor fill a row', () => {
  const shape = verify(`Error: \u202e\u200b\u001b]0;x\u0007${'word '.repeat(10_000)}`, 1, 'x'.repeat(5_000));
  expect(shape).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(shape.length).toBeLessThan(400);
});

test.each(['"'.repeat(2_000), '/'.repeat(2_000), 'a1'.repeat(1_000), '0x'.repeat(1_000), '… '.repeat(1_000)])(
  'a hostile message is read in no time: %#',
  (message) => {
    expect(lost(message).length).toBeLessThan(200);
  },
);
