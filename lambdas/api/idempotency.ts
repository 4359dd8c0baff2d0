import { createHash } from 'node:crypto';
import { z } from 'zod';
import { InvalidInputError } from '../../core/errors.ts';

/** At most 255 printable characters, as in the IETF's draft of the header. HTTP strips blanks at either end. */
export const IDEMPOTENCY_KEY = z.string().regex(/^(?! )[\x20-\x7e]{1,255}(?<! )$/);

/**
 * The header's value as a key of the table, separate for each caller and scope; undefined if the header is absent. Throws
 * InvalidInputError if it is invalid.
 */
export function idempotencyKey(
  headers: Readonly<Record<string, string | undefined>>,
  { createdBy = '', scope }: { createdBy: string | undefined; scope?: string },
): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (!IDEMPOTENCY_KEY.safeParse(key).success) {
    throw new InvalidInputError('The Idempotency-Key is invalid. Send 1 to 255 printable ASCII characters.', {
      field: 'Idempotency-Key',
      received: key,
      expected: '1 to 255 printable ASCII characters',
    });
  }
  return sha256([createdBy, ...(scope ? [scope] : []), key].join('\n'));
}

/** Differs for different bodies. */
export function fingerprintOf(body: unknown): string {
  return sha256(JSON.stringify(body));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
