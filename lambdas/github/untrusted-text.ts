/**
 * Text that a model wrote under the influence of a repository, made safe to show on GitHub. Nothing is taken out that
 * one can see: a zero-width space between two characters is enough for GitHub to read no mention, reference or tag.
 */
const BREAK = '\u200b';

/** Invisible characters: bidirectional overrides, zero-width ones, tags that hide text, and controls but LF and TAB. */
const INVISIBLE = /[\p{Cf}\u2028\u2029]|(?![\n\t])\p{Cc}/gu;

/** What is broken after its first group: all that GitHub, or a tool that reads it, would act on. */
const ACTED_ON: readonly RegExp[] = [
  // People and teams, who would be notified.
  /(@)(?=[\p{L}\p{N}_-])/gu,
  // Issues and pull requests: `#1`, `owner/name#1`, `GH-1` and links to them, which a closing word could close.
  /(#)(?=\d)/g,
  /\b(GH-)(?=\d)/gi,
  /(\/(?:issues|pull|pulls|discussions|milestone)\/)(?=\d)/gi,
  // HTML, comments included: no hidden text, no image, no anchor of another kind than Markdown's.
  /(<)(?=[A-Za-z/!?])/g,
  // An entity can spell each of these.
  /(&)(?=(?:#\d+|#x[\da-f]+|[a-z][a-z\d]*);)/gi,
  // An image is fetched from wherever its address says, which can tell that place what the address holds.
  /(!)(?=\[)/g,
  // Links that do something else than to lead somewhere.
  /\b(javascript|vbscript|data|file)(?=\s*:)/gi,
  // Marks by which a commit or a pull request switches its checks off.
  /(\[)(?=[^\]\n]*\b(?:skip|no)\b[^\]\n]*\])/gi,
  /\b(skip-checks)(?=\s*:)/gi,
  /(\*\*\*)(?=NO_CI)/gi,
];

/** Read only at the start of a line: trailers, of which a squashed commit takes its authors, and bots' commands. */
const ACTED_ON_AT_LINE_START: readonly RegExp[] = [
  /^([ \t>*_-]*[\w-]+-(?:by|to|with))(?=[ \t*_]*:)/gim,
  /^([ \t>*_-]*Cody-Batch-\w+)(?=[ \t*_]*:)/gim,
  /^([ \t]*\/)(?=[a-z])/gim,
];

/** One line of at most `limit` characters, for a title. */
export function safeLine(text: string, limit: number): string {
  return bound(neutralise(clean(text)).replace(/\s+/g, ' ').trim(), limit);
}

/** Markdown of at most `limit` characters. What follows it is never inside one of its code blocks. */
export function safeMarkdown(text: string, limit: number): string {
  // A quotation ends where its marks end, whatever is open in it; the marks need room.
  const bounded = bound(neutralise(clean(text)).trim(), limit);
  if (blocksEnd(bounded)) return bounded;
  return bound(bounded, Math.floor(limit / 2)).replace(/^/gm, '> ');
}

/** One line of the user's own words: what they mean to mention they may; what hides goes all the same. */
export function plainLine(text: string, limit: number): string {
  return bound(clean(text).replace(/\s+/g, ' ').trim(), limit);
}

function clean(text: string): string {
  return text.toWellFormed().replace(/\r\n?/g, '\n').replace(INVISIBLE, '');
}

function neutralise(text: string): string {
  const rules = [...ACTED_ON, ...ACTED_ON_AT_LINE_START];
  return rules.reduce((result, rule) => result.replace(rule, `$1${BREAK}`), text);
}

function bound(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1).toWellFormed()}…` : text;
}

/**
 * Whether every fenced code block ends, in the same container as it began: one that is open at the end, or that a
 * list's end would end, could take in what follows.
 */
function blocksEnd(markdown: string): boolean {
  let open: { indent: string; fence: string } | undefined;
  for (const line of markdown.split('\n')) {
    const [, lead = '', fence] = /^([ \t>*+\d.)-]*)(`{3,}|~{3,})/.exec(line) ?? [];
    if (open) {
      if (line.trim() !== '' && !line.startsWith(open.indent)) return false;
      const closes = fence?.startsWith(open.fence) && lead === open.indent && line.trim() === fence;
      if (closes) open = undefined;
    } else if (fence) {
      if (/\S/.test(lead)) return false;
      open = { indent: lead, fence };
    }
  }
  return open === undefined;
}
