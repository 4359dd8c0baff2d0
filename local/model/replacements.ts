/** A literal replacement that a prompt names: every `from` becomes `to`. */
export type Replacement = { from: string; to: string };

/** Opening and closing quotes. */
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
 * A quote closes only before a space or the end, with optional punctuation between. So `'don't'` and
 * `'a['key']'` are one text each.
 */
const AFTER_QUOTE = String.raw`(?=[.,;:!?)\]*_]*(?:\s|$))`;

const QUOTED = `(?:${QUOTES.map(([open, close]) => {
  const end = close + AFTER_QUOTE;
  return `${open}((?:(?!${end})[^\\n])*)${end}`;
}).join('|')})`;

/**
 * Words around a quoted text that do not change the meaning of the sentence; any other word ends the
 * match.
 */
const WORDS = String.raw`(?:(?:all|every|each|any|of|the|a|an|to|following|literal|exact|old|new|deprecated|text|string|word|name|phrase|identifier|function|method|calls?|uses?|usages?|occurrences?|instances?|references?|imports?)[\s:]+)*`;

const WHERE = String.raw`(?:\s+(?:everywhere|throughout|wherever\s+it\s+(?:occurs|appears)|(?:in|across|throughout)\s+(?:(?:the|all|every|each|this|whole|entire|source)\s+)*(?:repository|repositories|repo|project|code|codebase|files?|tree)\b))*`;

const BULLET = String.raw`(?:[-*•]|\d+[.)])\s+`;

const PAIR = `${WORDS}(?:${BULLET}${WORDS})?${QUOTED}${WHERE}\\s+(?:with|by)\\s+${WORDS}${QUOTED}${WHERE}`;

const FIRST = new RegExp(String.raw`(?<!\b(?:not|never)\s+|n['’]t\s+)\breplace[\s:]+${PAIR}`, 'giu');

/** A further pair of the same sentence or list, directly after the previous one. */
const NEXT = new RegExp(String.raw`[,;.]?\s+(?:(?:and|then|also)\s+)*${PAIR}`, 'iuy');

/** Words that limit a pair to some places, which a literal replacement cannot do. */
const CONDITION =
  /[,(]?[^\S\n]*(?:only|except|excluding|unless|but|or|where|when|if|in|inside|within|under|outside|on)\b/iuy;

/**
 * The replacements in the texts, in order, such as `Replace all occurrences of 'a(' with 'b('`. Counts
 * only quoted texts in sentences that are understood as a whole, without a condition (`in tests only`): a
 * partial reading could change more than the user asked for. The first replacement of a text wins.
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
      // Each kind of quote has its groups; only two of all groups match.
      const [from = '', to = ''] = match.slice(1).filter((group) => group !== undefined);
      if (!matchAt(CONDITION, text, end)) yield { from, to };
    }
  }
}

function matchAt(sticky: RegExp, text: string, index: number): RegExpExecArray | null {
  sticky.lastIndex = index;
  return sticky.exec(text);
}
