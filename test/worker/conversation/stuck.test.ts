import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { call, calls, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

const files = { 'a.txt': 'one\n', 'b.txt': 'two\n' };
const read = (path: string) => calls(call('read_file', { path }));

test('a model that repeats itself is stopped before it spends every turn', async () => {
  const check = 'sleep 0.0$(($$ % 10)); echo the same; exit 1';
  const circles = [
    [Array.from({ length: 9 }, () => read('a.txt')), 4],
    [Array.from({ length: 9 }, () => read('absent.txt')), 3],
    [[1, 2, 3, 4].flatMap(() => [read('a.txt'), read('b.txt')]), 6],
    // Its duration differs each time, its result does not.
    [Array.from({ length: 9 }, () => calls(call('run_check', { command: check }))), 3],
  ] as const;
  const ends = await Promise.all(
    circles.map(([script]) => stack.analyze(files, script, { settings: { verify: [check] } })),
  );
  expect(ends.map(({ outcome: { end, turns } }) => [end, turns])).toEqual(
    circles.map(([, turns]) => ['stuck', turns]),
  );
});

test('a model that looks at the same file again after each of its edits is not stopped', async () => {
  const edits = ['1', '2', '3', '4', '5'].flatMap((content) => [
    calls(call('write_file', { path: 'a.txt', content })),
    read('a.txt'),
  ]);
  const { outcome } = await stack.analyze(files, [...edits, submit]);
  expect(outcome).toMatchObject({ outcome: 'changed', turns: 11 });
});
