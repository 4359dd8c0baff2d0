/** JSON in which no text can close the block that marks it as data. */
export function inData(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}
