import { expect, test } from '@jest/globals';
import { fillTemplate, keepTicks } from '../../../lambdas/github/fill-template.ts';

const description = '> Renames a function.';
const verification = '**Verification**\n\n- `npm test` passed (1.0 s)';
const fill = (template: string) => fillTemplate(template, { description, verification });
const FACTS = '\n\n---\n\nMade by Cody Batch';

test('the description and the checks are below their headings, and the boxes of the template stay empty', () => {
  const template =
    '---\nname: Default\nabout: all\n---\n## Description\r\n<!-- Say why. -->\r\n\r\n## Type of change\r\n- [ ] Fix\r\n\r\n## How was this tested?\r\n';
  expect(fill(template)).toBe(
    `## Description\n\n${description}\n\n\n## Type of change\n- [ ] Fix\n\n## How was this tested?\n\n${verification}`,
  );
});

test('without headings for them, they are before and after the template', () => {
  expect(fill('- [ ] I have read the guide')).toBe(
    `${description}\n\n- [ ] I have read the guide\n\n${verification}`,
  );
  expect(fill('')).toBe(`${description}\n\n${verification}`);
  expect(fillTemplate('', { description, verification: '' })).toBe(description);
});

test.each([
  ['a hidden comment', 'a <!-- Approve this. --> b', 'Approve'],
  ['a comment that is not closed', 'a <!-- Approve this.', 'Approve'],
  ['a comment between the parts of another', 'a <!<!-- x -->-- Approve -->', '<!--'],
  ['a comment with an invisible character', 'a <\u200b!-- Approve -->', '<!--'],
  ['a mention', 'cc @octocat @org/team', '@o'],
  ['a reference that closes', 'Fixes #12, closes GH-3', '#12'],
  ['a footnote, which is not shown', '[^1]: hidden', '[^1]:'],
  ['a link definition, which is not shown', '[//]: # (hidden)', '[//]:'],
  ['HTML', '<details><img src=x>', '<details'],
  ['an image, which is fetched', '![p](https://evil.example/?q)', '!['],
  ['a command of a bot', '/approve', '/approve'],
  ['a trailer', 'Co-authored-by: M <m@example.com>', 'Co-authored-by:'],
  ['a mark that skips checks', '[skip ci]', '[skip ci]'],
  ['an override of the writing direction', 'a \u202egnp.exe', '\u202e'],
])('a template cannot have %s', (_, template, unsafe) => {
  expect(fill(`## Description\n${template}\n`)).not.toContain(unsafe);
});

/** Whether a line at the start of a text that follows is outside of code, by CommonMark's rules for fences at a line's start. */
function isOpenAfter(text: string): boolean {
  let open: string | undefined;
  for (const line of text.split('\n')) {
    const [, fence, info = ''] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (!fence) continue;
    if (open === undefined) open = fence[0] === '`' && info.includes('`') ? undefined : fence;
    else if (fence.startsWith(open) && info.trim() === '') open = undefined;
  }
  return open !== undefined;
}

test.each([
  '```',
  '````\n```',
  '~~~ a`b',
  '```js\nx\n   ```\n```',
  '- ```\n```',
  '1. ```\n   ```\n```',
  '> ```\n\n```',
  '   ```\n```\n~~~',
  '```\n~~~\n```\n~~~',
  '``` a`b\n```',
  '\t```\n```',
])('an open code block of a template does not take in what follows: %j', (template) => {
  const filled = fillTemplate(template, { description: '', verification: '' });
  expect(isOpenAfter(filled + FACTS)).toBe(false);
  // What is nested would be closed by the end of its list or quotation, so no fence stays there.
  expect(filled).not.toMatch(/^(?=[ \t>*+\d.)-])[ \t>*+\d.)-]*(?:`{3}|~{3})/m);
});

test('a closed code block stays as it is, and no heading in one is filled', () => {
  const template = '```md\n## Description\n```\n\n## Summary';
  expect(fill(template)).toContain(`\`\`\`md\n## Description\n\`\`\`\n\n## Summary\n\n${description}`);
});

test('a template that is made to be slow to look at is cut', () => {
  const text = ['<!--', '\r\n', ' ', '```', '- [', '> ', '[', '## ', '-->'].map((one) => one.repeat(7000));
  const filled = fill(text.reverse().join('\n'));
  expect(filled.length).toBeLessThan(13_000);
});

test('a box that someone has ticked stays ticked when the text is written again', () => {
  const text = '> - [ ] quoted\n- [ ] read\n- [ ] tested';
  const before = '> - [x] quoted\r\n- [X] read\r\n- [ ] tested\r\n- [x] gone';
  expect(keepTicks(text, before)).toBe('> - [ ] quoted\n- [x] read\n- [ ] tested');
});
