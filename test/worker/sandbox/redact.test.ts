import { expect, test } from '@jest/globals';
import { Redactor } from '../../../worker/sandbox/redact.ts';

test('a secret that was stored with a line feed is redacted both with and without it', () => {
  const redactor = new Redactor();
  redactor.add('sk-ant-example\n');
  expect(redactor.text('The key is sk-ant-example.')).toBe('The key is [redacted].');
  expect(redactor.isIn(Buffer.from('+KEY=sk-ant-example\n'))).toBe(true);
  const header = Buffer.from('x-access-token:sk-ant-example\n').toString('base64');
  expect(redactor.text(`AUTHORIZATION: basic ${header}`)).toBe('AUTHORIZATION: basic [redacted]');
});
