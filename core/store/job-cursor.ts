import { z } from 'zod';
import { InvalidInputError } from '../errors.ts';
import type { JobStatus } from '../job.ts';

/** The cursor of a page that ends at this key. */
export function encodeCursor(key: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The key at which the next page begins, in the index of jobs with this status, or of all jobs. */
export function decodeCursor(cursor: string, status: JobStatus | undefined): Record<string, unknown> {
  const index = status ? { status: z.literal(status) } : { entity: z.literal('job') };
  // A page may end at a row that was edited by hand, so every text that DynamoDB accepts as a key is valid.
  const key = z.strictObject({ jobId: keyText(2048), createdAt: keyText(1024), ...index });
  const parsed = key.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(
    'The cursor was not made by this API, or it is of a list with another status.',
    {
      field: 'cursor',
      received: cursor,
      expected: 'the cursor of the page before, with the same status',
    },
  );
}

function keyText(maxBytes: number) {
  return z.string().refine((text) => text !== '' && Buffer.byteLength(text) <= maxBytes);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
