import { HIDDEN_CHARACTERS } from '../core/hidden-characters.ts';

/** JSON in which no text can close the block that marks it as data, and no character is hidden from its reader. */
export function inData(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c').replace(HIDDEN_CHARACTERS, escaped);
}

/** The escapes of JSON for a character, so that the text stays the same. */
function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
