/** Reads search parameters of an address, which anyone may have written. */
export function textParam(value: unknown, max = 300): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).slice(0, max);
  return text === '' ? undefined : text;
}

/** One of these words. */
export function wordParam<T extends string>(value: unknown, words: readonly T[]): T | undefined {
  return words.find((word) => word === value);
}
