import type { HunkTokens, TokenNode } from 'react-diff-view';
import type { Slice } from './slices.ts';

/** Longer lines are generated code, and cost more to colour than they tell. */
const MAX_COLOURED_LENGTH = 500;

type Colour = typeof import('./colour.ts').coloured;

const known = new WeakMap<Slice, HunkTokens>();
let colour: Colour | undefined;

/** The lines of a slice as one piece each: what is drawn at first. */
export function tokensOf(slice: Slice): HunkTokens {
  const found = known.get(slice);
  if (found) return found;
  const tokens: HunkTokens = { old: [], new: [] };
  for (const change of slice.hunk.changes) {
    const text = [{ type: 'text', value: change.content }];
    if (change.type !== 'insert') tokens.old.push(text);
    if (change.type !== 'delete') tokens.new.push(text);
  }
  return withNotes(tokens, slice);
}

/** The same in colours, once the browser is idle; undefined if the slice stays plain. */
export async function colouredTokens(
  slice: Slice,
  name: string,
  signal: AbortSignal,
): Promise<HunkTokens | undefined> {
  if (slice.longestLine > MAX_COLOURED_LENGTH || known.has(slice)) return known.get(slice);
  colour ??= (await import('./colour.ts')).coloured;
  await idle();
  if (signal.aborted) return undefined;
  try {
    const tokens = withNotes(colour(slice.hunk, name), slice);
    known.set(slice, tokens);
    return tokens;
  } catch {
    // A grammar that fails on some text leaves it plain.
    return undefined;
  }
}

function withNotes(tokens: HunkTokens, { notes }: Slice): HunkTokens {
  if (notes.size === 0) return tokens;
  const add = (side: 'old' | 'new') =>
    tokens[side].map((line, i): TokenNode[] => {
      const note = notes.get(`${side} ${i + 1}`);
      return note ? [...line, { type: 'note', value: note }] : line;
    });
  return { old: add('old'), new: add('new') };
}

function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ('requestIdleCallback' in window) requestIdleCallback(() => resolve(), { timeout: 500 });
    else setTimeout(resolve, 0);
  });
}
