import type { Replacement } from './replacements.ts';

/**
 * A Perl regular expression for the occurrences of `from` that are not part of a `to`: the text before or
 * after them differs from that in `to`. If the new text contains the old one, a search for `from` also
 * finds edited files; this one does not. Returns undefined unless `to` contains `from` exactly once.
 */
export function unreplacedPattern({ from, to }: Replacement): string | undefined {
  const [before, after, ...others] = to.split(from);
  if (before === undefined || after === undefined || others.length > 0) return undefined;
  return [...otherBefore(before, literal(from)), ...otherAfter(after, literal(from))].join('|');
}

/** One alternative for each character of `text`: the characters before it are equal and it differs. */
function otherAfter(text: string, pattern: string): string[] {
  const characters = [...text];
  return characters.map(
    (character, index) =>
      `${pattern}${literal(characters.slice(0, index).join(''))}($|[^${inClass(character)}])`,
  );
}

function otherBefore(text: string, pattern: string): string[] {
  const characters = [...text];
  return characters.map(
    (character, index) =>
      `(^|[^${inClass(character)}])${literal(characters.slice(index + 1).join(''))}${pattern}`,
  );
}

function inClass(character: string): string {
  return character.replace(/[\]\\^-]/, '\\$&');
}

function literal(text: string): string {
  return text.replace(/[.[\]()*+?{}|^$\\]/g, '\\$&');
}
