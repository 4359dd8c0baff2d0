import { expect, test } from '@jest/globals';
import { matcher } from '../../../local/logs/filter-pattern.ts';

const EVENT = JSON.stringify({
  level: 'ERROR',
  count: 3,
  user: { name: 'ada', groups: ['x', 'y'] },
  ok: false,
  nothing: null,
});

test.each([
  ['', true],
  ['{ $.level = "ERROR" }', true],
  ['{ $.level = ERROR }', true],
  ['{ $.level = "error" }', false],
  ['{ $.level = "ERR*" }', true],
  ['{ $.level != "WARN" }', true],
  ['{ $.absent != "WARN" }', false],
  ['{ $.absent NOT EXISTS }', true],
  ['{ $.nothing IS NULL }', true],
  ['{ $.ok IS FALSE }', true],
  ['{ $.count >= 3 }', true],
  ['{ $.count > 3 }', false],
  ['{ $.user.groups[1] = "y" }', true],
  ['{ ($.level = "WARN") || ($.count = 3) }', true],
  ['{ ($.level = "WARN") || ($.level = "ERROR") && ($.count = 4) }', false],
  ['{ (($.level = "WARN") || ($.level = "ERROR")) && ($.user.name = "a*") }', true],
])('of a JSON line, %s is %p', (pattern, expected) => {
  expect(matcher(pattern)(EVENT)).toBe(expected);
});

test.each([
  ['?"Task timed out" ?"Status: timeout"', true],
  ['?Status ?Nothing', false],
  ['"Task timed out" Nothing', false],
  ['Task -timed', false],
  ['{ $.level = "ERROR" }', false],
])('of a plain line, %s is %p', (pattern, expected) => {
  expect(matcher(pattern)('2026-11-28 4f0e Task timed out after 3.00 seconds')).toBe(expected);
});

test('a pattern of unknown syntax is not taken for one that matches nothing', () => {
  expect(() => matcher('{ $.a ~ 3 }')).toThrow(SyntaxError);
  expect(() => matcher('{ ($.a = 3 }')).toThrow(SyntaxError);
});
