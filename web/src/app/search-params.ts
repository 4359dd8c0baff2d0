/** Reads search parameters of an address, which anyone may have written. */
export function textParam(value: unknown, max = 300): string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).slice(0, max);
  return text === '' ? undefined : text;
}

/** A number from 1 on. */
export function countParam(value: unknown): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

/** One of these words. */
export function wordParam<T extends string>(value: unknown, words: readonly T[]): T | undefined {
  return words.find((word) => word === value);
}
