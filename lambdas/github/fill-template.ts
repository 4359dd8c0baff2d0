import { safeBlocks } from './untrusted-text.ts';

/** With the longest description it stays below GitHub's limit of a body, 65,536 characters. */
const MAX_TEMPLATE = 12_000;

const ABOUT_THE_CHANGE = /\b(?:description|summary|overview|what|changes|proposed|purpose|motivation)\b/i;
const ABOUT_THE_CHECKS = /\b(?:tests?|tested|testing|verification|verified|validation|checks?)\b/i;
const HEADING = /^#{1,6}[ \t]+(.+)$/;
const FENCE = /^(?:`{3,}|~{3,})/;

type Sections = { description: string; verification: string };

/**
 * The template with the description below its heading for one, and the checks below theirs; what has no heading there comes
 * before and after it. The template is the repository's text, so it is made safe as a model's is. Its boxes stay as they are.
 */
export function fillTemplate(template: string, { description, verification }: Sections): string {
  const text = withoutComments(withoutFrontMatter(template)).replace(/(?:\r?\n){3,}/g, '\n\n');
  const lines = safeBlocks(text, MAX_TEMPLATE).split('\n');
  const about = headingAt(lines, ABOUT_THE_CHANGE);
  const checks = verification ? headingAt(lines, ABOUT_THE_CHECKS, about) : undefined;
  const filled = lines.map((line, i) => {
    const section = i === about ? description : i === checks ? verification : '';
    return section ? `${line}\n\n${section}\n` : line;
  });
  return [about === undefined && description, filled.join('\n').trim(), checks === undefined && verification]
    .filter(Boolean)
    .join('\n\n');
}

/** The first heading of this kind that is not in a code block. */
function headingAt(lines: readonly string[], kind: RegExp, taken?: number): number | undefined {
  let isCode = false;
  const at = lines.findIndex((line, i) => {
    if (FENCE.test(line)) isCode = !isCode;
    return !isCode && i !== taken && kind.test(HEADING.exec(line)?.[1] ?? '');
  });
  return at < 0 ? undefined : at;
}

/** Comments in a template speak to its author. One that is not closed reaches to the end, as on GitHub. */
function withoutComments(text: string): string {
  const [first = '', ...others] = text.split('<!--');
  let kept = first;
  for (const other of others) {
    const end = other.indexOf('-->');
    if (end < 0) break;
    kept += other.slice(end + '-->'.length);
  }
  return kept;
}

/** GitHub takes lines between `---` at the start for the settings of the template. */
function withoutFrontMatter(text: string): string {
  return text.replace(/^\uFEFF?---[ \t]*\r?\n(?:[\w-]+:.*\r?\n)*---[ \t]*\r?\n/, '');
}

/** The text with the boxes ticked that someone has ticked in the text before. */
export function keepTicks(text: string, before: string): string {
  const found = before.matchAll(/^([ \t]*[-*+] )\[[xX]\] (.*?)\r?$/gm);
  const ticked = new Set([...found].map(([, mark, task]) => `${mark}${task}`));
  return text.replace(/^([ \t]*[-*+] )\[ \] (.*)$/gm, (line, mark: string, task: string) =>
    ticked.has(`${mark}${task}`) ? `${mark}[x] ${task}` : line,
  );
}
