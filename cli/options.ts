import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../core/errors.ts';

/** Throws UsageError for an option that is unknown or lacks its value. */
export function parseOptions<T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\. To specify.*$/s, '.'));
  }
}

/** Throws UsageError unless `text` is a whole number from 1. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`--${name} is ${JSON.stringify(text)}; expected a whole number from 1.`);
  return value;
}

/** Throws UsageError unless `text` is a number above 0. */
export function positiveNumber(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`--${name} is ${JSON.stringify(text)}; expected a number above 0.`);
  return value;
}
