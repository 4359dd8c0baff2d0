import { expect, test } from '@jest/globals';
import { visibleParts, visibleText } from '../../core/hidden-characters.ts';

test('a page shows characters that would hide, and leaves what people write as it is', () => {
  expect(visibleText('a\u202eb\u2066c\ufeff \u001b[31m \r\n')).toBe(
    'a[U+202E]b[U+2066]c[U+FEFF] [U+001B][31m [U+000D]\n',
  );
  expect(visibleText('\u{e0041}\ud800\u3164x\ufe0f')).toBe('[U+E0041][U+D800][U+3164]x[U+FE0F]');
  expect(visibleText('ünï\tcödé 日本 ⚠️ ❤️')).toBe('ünï\tcödé 日本 ⚠️ ❤️');
});

test('a long run of one hidden character is one sign, so that it does not stop the layout', () => {
  expect(visibleParts(`a${'\u200b'.repeat(100_000)}b`)).toEqual(['a', { sign: 'U+200B × 100000' }, 'b']);
});
