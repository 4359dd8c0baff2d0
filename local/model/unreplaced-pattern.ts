import type { Replacement } from './replacements.ts';

/**
 * A Perl regular expression for the occurrences of `from` that are not yet part of a `to`: those that another
 * text than `to`'s stands before, or follows. It finds the files still to edit where the new text holds the old one,
 * so that a search for `from` finds the edited files too. Undefined where `to` does not hold `from` exactly once.
 */
export function unreplacedPattern({ from, to }: Replacement): string | undefined {
  const [before, after, ...others] = to.split(from);
  if (before === undefined || after === undefined || others.length > 0) return undefined;
  return [...otherBefore(before, literal(from)), ...otherAfter(after, literal(from))].join('|');
}

/** Each character of `text` gets a case: the rest agrees and it differs. */
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
