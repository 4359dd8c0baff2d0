import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ToolRunner } from '../../support/tool-runner.ts';

let runner: ToolRunner;
beforeAll(async () => {
  runner = await ToolRunner.start();
});
afterAll(() => runner.close());

const REPEATING = 'a'.repeat(9_000_000);

/** Texts that a search compares nearly whole at each place of the file, before it finds that they are not there. */
const LONG = {
  'differs in the middle': `${'a'.repeat(100_000)}b${'a'.repeat(100_000)}`,
  'holds a character that was not read': `${'a'.repeat(200_000)}\uFFFDb`,
  'differs behind a character that was not read': `${'a'.repeat(1900)}\uFFFDb`,
};

test('an edit ends, whatever long text it does not find in a repetitive file', async () => {
  const tree = await runner.open({ 'long.txt': REPEATING });
  for (const oldText of Object.values(LONG)) {
    const result = await tree.call('edit_file', { path: 'long.txt', oldText, newText: 'b' });
    expect(result).toMatchObject({
      isError: true,
      said: expect.stringContaining('oldText is not in long.txt'),
    });
  }
});

test('a long text is found at each of its places, from the left and without overlaps', async () => {
  const period = `${'ab'.repeat(40)}a`;
  const texts = [period, 'a'.repeat(100), `${'a'.repeat(99)}b`, `${period}${period}c`];
  for (const [i, oldText] of texts.entries()) {
    const before = `x${oldText}${oldText}${oldText.slice(1)}\n${oldText.slice(0, -1)}${oldText}y\n`;
    const tree = await runner.open({ [`${i}.txt`]: before });
    const call = { path: `${i}.txt`, oldText, newText: '-', replaceAll: true };
    expect(await tree.call('edit_file', call)).toMatchObject({ isError: false });
    expect((await tree.bytes(`${i}.txt`))!.toString()).toBe(before.replaceAll(oldText, '-'));
  }
});
