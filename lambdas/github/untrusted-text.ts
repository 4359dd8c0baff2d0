/**
 * Text that a model wrote under the influence of a repository, made safe to show on GitHub. Nothing is taken out that
 * one can see: a zero-width space between two characters is enough for GitHub to read no mention, reference or tag.
 */
const BREAK = '\u200b';

/**
 * Invisible characters: bidirectional overrides, zero-width ones, variation selectors, fillers and tags, which can carry
 * any text unseen, and controls but LF and TAB.
 */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]|(?![\n\t])\p{Cc}/gu;

/**
 * What is broken after its first group: all that GitHub, or a tool that reads it, would act on. The text is a stranger's,
 * so no rule may look at it again from each of its places: what repeats next to what can match the same is bounded.
 */
const ACTED_ON: readonly RegExp[] = [
  // People and teams, who would be notified.
  /(@)(?=[\p{L}\p{N}_-])/gu,
  // Issues and pull requests: `#1`, `owner/name#1`, `GH-1` and links to them, which a closing word could close.
  /(#)(?=[\p{L}\d])/gu,
  /\b(GH-)(?=\d)/gi,
  // Issues of trackers beside GitHub: `PROJ-1`, and any key behind a word that closes or links.
  /\b([A-Z][A-Z\d_]{0,9}-)(?=\d)/g,
  /\b((?:clos|fix|resolv|complet|implement|ref|part of|relat|contribut|toward)[a-z ]{0,20}:?\s{1,3}[a-z][a-z\d_]{0,9}-)(?=\d)/gi,
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
  /(\[)(?=[^[\]\n]{0,60}\b(?:skip|no)\b[^[\]\n]{0,60}\])/gi,
  /\b(skip-checks)(?=\s*:)/gi,
  /(\*\*\*)(?=NO_CI)/gi,
  // What makes releases of commits.
  /\b(BREAKING[ -]CHANGE)(?=\s*:)/gi,
  /\b((?:BEGIN|END)_)(?=(?:COMMIT_OVERRIDE|NESTED_COMMIT))/gi,
  // Merge queues that are spoken to by name.
  /\b(bors)(?=[ \t]+\w)/gi,
];

/** Read only at the start of a line: trailers, of which a squashed commit takes its authors, and bots' commands. */
const ACTED_ON_AT_LINE_START: readonly RegExp[] = [
  /^([ \t>*_-]*[\w-]{1,60}-(?:by|to|with|as))(?=[ \t*_]*:)/gim,
  /^([ \t>*_-]*Cody-Batch-\w+)(?=[ \t*_]*:)/gim,
  /^([ \t>*_+-]*(?:\d+[.)][ \t]*)?\/)(?=[a-z])/gim,
  // What a link leads to may stand apart from it, and is not shown: `[//]: # (hidden)`, and footnotes of the kind.
  /^([ \t>*_+-]*(?:\d{1,9}[.)][ \t]*)?\[(?:\\[\s\S]|[^\]\\]){1,999}\])(?=:)/gm,
  // `feat!:` of a commit is a major release.
  /^([ \t>*_-]*[a-z]+(?:\([^()\n]*\))?)(?=!:)/gim,
];

/** One line of at most `limit` characters, for a title. */
export function safeLine(text: string, limit: number): string {
  return bound(neutralise(start(text, limit)).replace(/\s+/g, ' ').trim(), limit);
}

/**
 * Markdown of at most `limit` characters, as a quotation: it is seen that somebody else speaks, and it ends where its
 * marks end, whatever is open in it.
 */
export function safeMarkdown(text: string, limit: number): string {
  return bound(quotation(neutralise(start(text, limit)).trim()), limit);
}

function quotation(text: string): string {
  return text === '' ? '' : text.replace(/^/gm, '> ');
}

/** One line of the user's own words: what they mean to mention they may; what hides goes all the same. */
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

/** As much as can be shown, and one more, by which it is seen that there was more. */
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
