import { createHash } from 'node:crypto';
import { z } from 'zod';
import { InvalidInputError } from '../../core/errors.ts';

/** `Idempotency-Key`: at most 255 printable characters, as in the IETF's draft for the header. HTTP takes blanks off its ends. */
export const IDEMPOTENCY_KEY = z.string().regex(/^(?! )[\x20-\x7e]{1,255}(?<! )$/);

/**
 * The header's value as a key of the table, apart for each caller and each thing that is asked for; undefined where there
 * is none. Throws InvalidInputError where it does not fit.
 */
export function idempotencyKey(
  headers: Readonly<Record<string, string | undefined>>,
  { createdBy = '', scope }: { createdBy: string | undefined; scope?: string },
): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (!IDEMPOTENCY_KEY.safeParse(key).success) {
    throw new InvalidInputError('The Idempotency-Key does not fit.', {
      field: 'Idempotency-Key',
      received: key,
      expected: '1 to 255 printable ASCII characters',
    });
  }
  return sha256([createdBy, ...(scope ? [scope] : []), key].join('\n'));
}

/** Tells one request's body from another's. */
export function fingerprintOf(body: unknown): string {
  return sha256(JSON.stringify(body));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
