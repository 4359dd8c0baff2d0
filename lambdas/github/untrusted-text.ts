/**
 * Makes text of a model, which a repository may have influenced, safe to show on GitHub. Visible characters all stay: a
 * zero-width space keeps GitHub from seeing a mention, reference or tag.
 */
const BREAK = '\u200b';

/**
 * Invisible characters, which can carry hidden text: bidirectional overrides, zero-width characters, variation selectors,
 * fillers, tags, and control characters except LF and TAB.
 */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]|(?![\n\t])\p{Cc}/gu;

/**
 * Text that GitHub, or a tool that reads it, acts on; the zero-width space goes after the first group. The text is
 * untrusted, so repetitions are bounded wherever a rule could otherwise take quadratic time.
 */
const ACTED_ON: readonly RegExp[] = [
  // Mentions notify people and teams.
  /(@)(?=[\p{L}\p{N}_-])/gu,
  // Issues and pull requests, which a keyword could close: `#1`, `owner/name#1`, `GH-1` and links to them.
  /(#)(?=[\p{L}\d])/gu,
  /\b(GH-)(?=\d)/gi,
  // Issues of other trackers: `PROJ-1`, and any key after a keyword that closes or links.
  /\b([A-Z][A-Z\d_]{0,9}-)(?=\d)/g,
  /\b((?:clos|fix|resolv|complet|implement|ref|part of|relat|contribut|toward)[a-z ]{0,20}:?\s{1,3}[a-z][a-z\d_]{0,9}-)(?=\d)/gi,
  /(\/(?:issues|pull|pulls|discussions|milestone)\/)(?=\d)/gi,
  // HTML and its comments: hidden text, images and anchors.
  /(<)(?=[A-Za-z/!?])/g,
  // Entities can spell any of these.
  /(&)(?=(?:#\d+|#x[\da-f]+|[a-z][a-z\d]*);)/gi,
  // Fetching an image sends its URL, and any data in it, to the server that it names.
  /(!)(?=\[)/g,
  // Links that run code or embed data.
  /\b(javascript|vbscript|data|file)(?=\s*:)/gi,
  // Markers that skip the checks of a commit or pull request.
  /(\[)(?=[^[\]\n]{0,60}\b(?:skip|no)\b[^[\]\n]{0,60}\])/gi,
  /\b(skip-checks)(?=\s*:)/gi,
  /(\*\*\*)(?=NO_CI)/gi,
  // Keywords of release tools.
  /\b(BREAKING[ -]CHANGE)(?=\s*:)/gi,
  /\b((?:BEGIN|END)_)(?=(?:COMMIT_OVERRIDE|NESTED_COMMIT))/gi,
  // Merge queues that obey comments addressed to them.
  /\b(bors)(?=[ \t]+\w)/gi,
];

/** Acted on only at the start of a line: trailers, which give a squashed commit its authors, and commands of bots. */
const ACTED_ON_AT_LINE_START: readonly RegExp[] = [
  /^([ \t>*_-]*[\w-]{1,60}-(?:by|to|with|as))(?=[ \t*_]*:)/gim,
  /^([ \t>*_-]*Cody-Batch-\w+)(?=[ \t*_]*:)/gim,
  /^([ \t>*_+-]*(?:\d+[.)][ \t]*)?\/)(?=[a-z])/gim,
  // Link definitions and footnotes are not shown, so they can hide text: `[//]: # (hidden)`.
  /^([ \t>*_+-]*(?:\d{1,9}[.)][ \t]*)?\[(?:\\[\s\S]|[^\]\\]){1,999}\])(?=:)/gm,
  // `feat!:` makes a major release.
  /^([ \t>*_-]*[a-z]+(?:\([^()\n]*\))?)(?=!:)/gim,
];

/** One line of at most `limit` characters, for a title. */
export function safeLine(text: string, limit: number): string {
  return bound(neutralise(start(text, limit)).replace(/\s+/g, ' ').trim(), limit);
}

/**
 * Markdown of at most `limit` characters, as a block quote: readers see that it is quoted, and unclosed markup in it cannot
 * affect the text below.
 */
export function safeMarkdown(text: string, limit: number): string {
  return bound(quotation(neutralise(start(text, limit)).trim()), limit);
}

/** Markdown of at most `limit` characters that keeps its headings and lists: no mark-up in it reaches the text below. */
export function safeBlocks(text: string, limit: number): string {
  return closeFences(bound(neutralise(start(text, limit)).trim(), limit));
}

/** A line that begins or ends a code block, wherever it may be nested. */
const FENCE = /^([ \t>*+-]*(?:\d{1,9}[.)][ \t]*)?)(`{3,}|~{3,})(.*)$/;

/**
 * Keeps code blocks whose fences start a line, and closes the last one. Any other fence becomes text: the end of its list or
 * quotation would decide whether it is closed.
 */
function closeFences(text: string): string {
  const lines = text.split('\n');
  let open: string | undefined;
  const breakAt = (i: number) => {
    lines[i] = lines[i]!.replace(/[`~]/, (mark) => mark + BREAK);
  };
  for (const [i, line] of lines.entries()) {
    const [, before, fence, info] = FENCE.exec(line) ?? [];
    if (fence === undefined) continue;
    const closes = open !== undefined && fence.startsWith(open) && info!.trim() === '';
    if (closes && before === '') open = undefined;
    else if (!open && before === '' && !info!.includes('`')) open = fence;
    else if (!open || /^ {1,3}$/.test(before!)) breakAt(i);
  }
  return [...lines, ...(open ? [open] : [])].join('\n');
}

function quotation(text: string): string {
  return text === '' ? '' : text.replace(/^/gm, '> ');
}

/** One line of the user's text. Mentions and references stay, since the user intends them; invisible characters do not. */
export function plainLine(text: string, limit: number): string {
  return bound(clean(text).replace(/\s+/g, ' ').trim(), limit);
}

/** The same, of several lines. */
export function plainText(text: string, limit: number): string {
  return bound(clean(text).trim(), limit);
}

function clean(text: string): string {
  return text.toWellFormed().replace(/\r\n?/g, '\n').replace(INVISIBLE, '');
}

/** The text that can be shown and one more character, so that `bound` sees that it is truncated. */
function start(text: string, limit: number): string {
  return clean(text).slice(0, limit + 1);
}

function neutralise(text: string): string {
  const rules = [...ACTED_ON, ...ACTED_ON_AT_LINE_START];
  return rules.reduce((result, rule) => result.replace(rule, `$1${BREAK}`), text);
}

function bound(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit - 1).toWellFormed()}…` : text;
}
