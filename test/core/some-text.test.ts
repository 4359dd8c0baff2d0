import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { someText } from '../../core/some-text.ts';

test.each(['', ' ', '\t\n', '\u00a0\u2003'])(
  'text that is blank (%j) is refused by the schema and by its description',
  (text) => {
    const schema = someText(10);
    expect(schema.safeParse(text).error?.issues[0]?.message).toBe('expected text that is not blank');
    const { pattern } = z.toJSONSchema(schema) as { pattern: string };
    expect(new RegExp(pattern, 'u').test(text)).toBe(false);
  },
);

test('white space around a text is removed', () => {
  expect(someText(3).parse(' one\n')).toBe('one');
  expect(someText(3).safeParse('four').success).toBe(false);
});
