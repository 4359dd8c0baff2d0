import { z } from 'zod';

/** A schema of text that is not blank and has at most `max` characters, without the white space around it. */
export function someText(max: number) {
  return z.string().trim().max(max).regex(/\S/, 'expected text that is not blank');
}
