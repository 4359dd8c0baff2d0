/**
 * In place of the package of this name, whose form for browsers sets innerHTML, which the content security policy refuses.
 * The highlighter asks it for titles of HTML entities, which are not shown.
 */
export function decodeNamedCharacterReference(): false {
  return false;
}
