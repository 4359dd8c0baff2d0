import { expect, test } from '@jest/globals';
import { formatRefusal } from '../../../local/model/format-rules.ts';
import { JUDGE_FORMAT } from '../../../worker/judge/judge-prompt.ts';

const object = (properties: Record<string, unknown>) => ({
  type: 'object',
  properties,
  additionalProperties: false,
});

test('the schema of the judge is one that structured outputs accept', () => {
  expect(formatRefusal(JUDGE_FORMAT.schema)).toBeUndefined();
  expect(Object.keys(JUDGE_FORMAT.schema.properties as object)).toEqual(['reasons', 'risk', 'decision']);
});

test.each([
  [
    'an integer with a minimum',
    object({ line: { type: 'integer', minimum: 0 } }),
    "'minimum' is not supported",
  ],
  [
    'a string with a length',
    object({ text: { type: 'string', maxLength: 5 } }),
    "'maxLength' is not supported",
  ],
  ['an object that is open', { type: 'object', properties: {} }, 'explicitly set to false'],
  [
    'an open object in a list',
    object({ list: { type: 'array', items: { type: 'object' } } }),
    'schema.properties.list.items: For',
  ],
  ['a list of two or more', object({ list: { type: 'array', minItems: 2 } }), "'minItems' values"],
  ['a list with a maximum', object({ list: { type: 'array', maxItems: 2 } }), "'maxItems' is not supported"],
  ['a reference to elsewhere', object({ a: { $ref: 'https://example.com/a' } }), 'External references'],
  ['a choice with an open object', object({ a: { anyOf: [{ type: 'object' }] } }), 'anyOf.0: For'],
])('%s is refused, as the API refuses it', (_, schema, message) => {
  expect(formatRefusal(schema)).toContain(message);
});
