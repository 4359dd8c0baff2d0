import { expect, test } from '@jest/globals';
import { resultTable } from '../../cli/jobs/result-table.ts';
import { printable, printableJson } from '../../core/printable.ts';

/** Clears the screen, sets the title, writes the clipboard, overwrites a line, and reverses the writing direction. */
const ATTACK =
  '\u001b[2J\u001b[1;1H\u001b]0;owned\u0007\u001b]52;c;ZXZpbA==\u0007FAKE: all completed\rgone\u009b2K\u202eleft\u2066\u200b\u2028\udb40\udc41\ufe0f\u3164\u007f\ud800';

test('control and invisible characters are printed as codes; line ends, tabs and other scripts stay', () => {
  const shown = printable(`ünï\tcödé 日本\r\n${ATTACK}`);
  expect(shown).toMatch(/^[\n\t\x20-\x7e\p{L}]*$/u);
  expect(shown).toContain('ünï\tcödé 日本\n');
  expect(shown).toContain('\\x1b[2J');
  expect(shown).toContain('\\u{202e}left');
});

test('JSON for a terminal has no control characters, and keeps its value', () => {
  const json = printableJson({ [ATTACK]: [ATTACK] });
  expect(json).toMatch(/^[\n\x20-\x7e]*$/);
  expect(JSON.parse(json)).toEqual({ [ATTACK]: [ATTACK] });
});

test('no name, error, summary or address of a result reaches a terminal unescaped', () => {
  const table = resultTable([
    {
      repositoryName: `local/${ATTACK}`,
      status: 'failed',
      outcome: 'gaveUp',
      summary: ATTACK,
      notDone: [`${ATTACK}\nlocal/forged  changed`],
      pullRequestUrl: ATTACK,
    },
    { repositoryName: 'local/b', status: 'failed', error: { name: 'Error', message: ATTACK } },
  ] as never);
  expect(table).toMatch(/^[\n\x20-\x7e−—]*$/);
  expect(table).not.toMatch(/^local\/forged/m);
});
