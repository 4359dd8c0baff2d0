/** A literal replacement that a prompt names: every `from` becomes `to`. */
export type Replacement = { from: string; to: string };

/** Opening quotes with what closes them. */
const QUOTES: readonly (readonly [string, string])[] = [
  ["'", "'"],
  ['"', '"'],
  ['`', '`'],
  ['‘', '’'],
  ['“', '”'],
  ['„', '“'],
  ['«', '»'],
];

/**
 * A quote closes only before a space, the end, or punctuation that one of these follows: so `'don't'` and
 * `'a['key']'` are one text each.
 */
const AFTER_QUOTE = String.raw`(?=[.,;:!?)\]*_]*(?:\s|$))`;

const QUOTED = `(?:${QUOTES.map(([open, close]) => {
  const end = close + AFTER_QUOTE;
  return `${open}((?:(?!${end})[^\\n])*)${end}`;
}).join('|')})`;

/** Words that may stand around a quoted text without changing what the sentence asks for; any other ends the match. */
const WORDS = String.raw`(?:(?:all|every|each|any|of|the|a|an|to|following|literal|exact|old|new|deprecated|text|string|word|name|phrase|identifier|function|method|calls?|uses?|usages?|occurrences?|instances?|references?|imports?)[\s:]+)*`;

const WHERE = String.raw`(?:\s+(?:everywhere|throughout|wherever\s+it\s+(?:occurs|appears)|(?:in|across|throughout)\s+(?:(?:the|all|every|each|this|whole|entire|source)\s+)*(?:repository|repositories|repo|project|code|codebase|files?|tree)\b))*`;

const BULLET = String.raw`(?:[-*•]|\d+[.)])\s+`;

const PAIR = `${WORDS}(?:${BULLET}${WORDS})?${QUOTED}${WHERE}\\s+(?:with|by)\\s+${WORDS}${QUOTED}${WHERE}`;

const FIRST = new RegExp(String.raw`(?<!\b(?:not|never)\s+|n['’]t\s+)\breplace[\s:]+${PAIR}`, 'giu');

/** A further pair of the same sentence or list, right where the one before ended. */
const NEXT = new RegExp(String.raw`[,;.]?\s+(?:(?:and|then|also)\s+)*${PAIR}`, 'iuy');

/** What makes a pair hold in some places only, which a literal replacement cannot carry out. */
const CONDITION =
  /[,(]?[^\S\n]*(?:only|except|excluding|unless|but|or|where|when|if|in|inside|within|under|outside|on)\b/iuy;

/**
 * The replacements that the texts name, in order, such as `Replace all occurrences of 'a(' with 'b('`. Only quoted
 * texts count, only sentences read whole, and none that sets a condition (`in tests only`): half a reading could
 * change what nobody asked for. A text that is named twice keeps its first replacement.
 */
export function namedReplacements(texts: readonly string[]): Replacement[] {
  const byFrom = new Map<string, Replacement>();
  for (const { from, to } of texts.flatMap((text) => [...pairs(text)])) {
    if (from !== '' && from !== to && !byFrom.has(from)) byFrom.set(from, { from, to });
  }
  return [...byFrom.values()];
}

function* pairs(text: string): Generator<Replacement> {
  for (const first of text.matchAll(FIRST)) {
    let end = first.index;
    for (let match: RegExpExecArray | null = first; match; match = matchAt(NEXT, text, end)) {
      end += match[0].length;
      // Of the groups, one for each kind of quote and text, two took part.
      const [from = '', to = ''] = match.slice(1).filter((group) => group !== undefined);
      if (!matchAt(CONDITION, text, end)) yield { from, to };
    }
  }
}

function matchAt(sticky: RegExp, text: string, index: number): RegExpExecArray | null {
  sticky.lastIndex = index;
  return sticky.exec(text);
}
