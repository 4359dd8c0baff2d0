import { expect, test } from '@jest/globals';
import { fileNames } from '../../../lambdas/patches/file-names.ts';

const HOSTILE = [
  'acme/..',
  'acme/con',
  'acme/NUL.patch',
  'acme/a/../../etc/passwd',
  'acme/a\\..\\b',
  'a_/b',
  'a/_b',
  'Acme/Service',
  'acme/service',
  'acme/naïve\u202e',
  'acme/line\nbreak',
  '../x',
  'con.aux/y',
  `acme/${'x'.repeat(300)}`,
];

test('no name in an archive leads out of it, is a device of Windows, or equals another in case', () => {
  const names = fileNames(HOSTILE);
  for (const name of names) {
    expect(name).toMatch(/^[A-Za-z0-9_-]{0,100}__[A-Za-z0-9._-]{1,100}(?:~\d+)?\.patch$/);
    expect(name).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)\./i);
    expect(Buffer.byteLength(name)).toBeLessThan(255);
  }
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(HOSTILE.length);
  expect(fileNames(['acme/service-a', 'acme/service.b'])).toEqual([
    'acme__service-a.patch',
    'acme__service.b.patch',
  ]);
});
