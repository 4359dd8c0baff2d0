import { expect, test } from '@jest/globals';
import { isAllowed } from '../../core/allowed-repositories.ts';
import { parseSettings } from '../../core/settings.ts';

test.each([
  ['', 'acme/a', false],
  ['acme/a', 'acme/a', true],
  ['acme/a', 'ACME/A', true],
  ['acme/a', 'acme/ab', false],
  ['acme/a', 'acme/*', false],
  ['acme/*', 'acme/a', true],
  ['acme/*', 'acme/*', true],
  ['acme/*', 'acme-2/a', false],
  ['acme/service-*', 'acme/service-a', true],
  ['acme/service-*', 'acme/my-service-a', false],
  ['acme/service-*', 'acme/*', true],
  ['acme/a.b', 'acme/axb', false],
  ['*/docs', 'acme/docs', true],
  ['*/docs', 'acme/docs-2', false],
  ['*/*', 'any/thing', true],
  // The last that matches decides.
  ['acme/*,!acme/secret', 'acme/secret', false],
  ['acme/*,!acme/secret', 'acme/other', true],
  ['acme/*,!acme/secret', 'acme/*', true],
  ['!acme/secret,acme/*', 'acme/secret', true],
  ['acme/*,!acme/*', 'acme/*', false],
  ['acme/*,!acme/s*,acme/shown', 'acme/shown', true],
  ['!acme/secret', 'acme/other', false],
])('ALLOWED_REPOSITORIES=%s and %s: %p', (ALLOWED_REPOSITORIES, name, expected) => {
  const settings = parseSettings({ ALLOWED_REPOSITORIES });
  expect(isAllowed(settings.ALLOWED_REPOSITORIES, name)).toBe(expected);
});

test.each(['everything', 'acme', 'acme/', '/a', 'acme/a/b', 'acme/?', '!!acme/a', 'acme /a'])(
  'what could be read in two ways, %p, is refused with what is expected',
  (ALLOWED_REPOSITORIES) => {
    expect(() => parseSettings({ ALLOWED_REPOSITORIES })).toThrow(/ALLOWED_REPOSITORIES .*owner\/name/);
  },
);
