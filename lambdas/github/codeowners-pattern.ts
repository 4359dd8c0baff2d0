/**
 * A matcher of one CODEOWNERS pattern, case-sensitive. Returns undefined for syntax that CODEOWNERS does not support:
 * negation, and ranges in brackets. Pattern and file are untrusted, so the time is bounded by the product of their lengths.
 */
export function matcherOf(pattern: string): ((file: string) => boolean) | undefined {
  if (pattern.startsWith('!') || /(?<!\\)[[\]]/.test(pattern)) return undefined;
  const folder = pattern.endsWith('/');
  const segments = pattern.replace(/^\//, '').replace(/\/$/, '').split('/');
  if (!pattern.startsWith('/') && segments.length === 1) segments.unshift('**');
  // `docs/*` matches only the files directly in docs; any other pattern also matches everything below.
  const exact = !folder && segments.length > 1 && segments.at(-1) === '*' && segments.at(-2) !== '**';
  const parsed = segments.map((segment) => (segment === '**' ? undefined : tokensOf(segment)));
  return (file) => {
    const path = file.split('/');
    const ends = reachable(parsed, path);
    if (ends.has(path.length) && !folder) return true;
    return !exact && [...ends].some((end) => end > 0 && end < path.length);
  };
}

/** A character, or a wildcard: `?` for one character, `*` for any number. */
type Token = string | { wildcard: '?' | '*' };

function tokensOf(segment: string): Token[] {
  return (segment.match(/\\.|\*+|[^\\]/gsu) ?? []).flatMap((part): Token[] => {
    if (part.startsWith('\\')) return [...part.slice(1)];
    if (part.startsWith('*')) return [{ wildcard: '*' }];
    return [part === '?' ? { wildcard: '?' } : part];
  });
}

/** The numbers of path segments that the whole pattern can match; an undefined segment of the pattern is `**`. */
function reachable(pattern: readonly (Token[] | undefined)[], path: readonly string[]): Set<number> {
  let at = new Set([0]);
  for (const tokens of pattern) {
    const next = new Set<number>();
    if (tokens) {
      for (const i of at) if (i < path.length && matchesSegment(tokens, [...path[i]!])) next.add(i + 1);
    } else {
      for (let i = Math.min(...at); i <= path.length; i++) next.add(i);
    }
    at = next;
    if (at.size === 0) break;
  }
  return at;
}

/** Backtracks to the last `*` only: it can match any text that an earlier one could. */
function matchesSegment(tokens: readonly Token[], text: readonly string[]): boolean {
  let [t, i] = [0, 0];
  let star: { t: number; i: number } | undefined;
  while (i < text.length) {
    const token = tokens[t];
    if (typeof token === 'object' && token.wildcard === '*') star = { t: t++, i };
    else if (token !== undefined && (typeof token === 'object' || token === text[i])) [t, i] = [t + 1, i + 1];
    else if (star) [t, i] = [star.t + 1, ++star.i];
    else return false;
  }
  return tokens.slice(t).every((token) => typeof token === 'object' && token.wildcard === '*');
}
