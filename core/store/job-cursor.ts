import { z } from 'zod';
import { InvalidInputError } from '../errors.ts';
import type { JobStatus } from '../job.ts';
import type { JobQuery } from './job-query.ts';

/** The cursor of a page that ends at this key. */
export function encodeCursor(key: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The key of an item in the index of jobs with this status, or of all jobs. */
export function keyOf(
  { jobId, createdAt, entity, status: written }: Record<string, unknown>,
  status: JobStatus | undefined,
): Record<string, unknown> {
  return { jobId, createdAt, ...(status ? { status: written } : { entity }) };
}

/**
 * The key at which the next page begins, in the index of jobs with this status, or of all jobs. DynamoDB refuses a key
 * outside the times of the query.
 */
export function decodeCursor(
  cursor: string,
  { status, from = '', to }: Pick<JobQuery, 'status' | 'from' | 'to'>,
): Record<string, unknown> {
  const index = status ? { status: z.literal(status) } : { entity: z.literal('job') };
  // A page may end at a row that was edited by hand, so every text that DynamoDB accepts as a key is valid.
  const key = z.strictObject({ jobId: keyText(2048), createdAt: keyText(1024), ...index });
  const parsed = key.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  const { data } = parsed;
  if (data && data.createdAt >= from && (to === undefined || data.createdAt <= to)) return data;
  throw new InvalidInputError(
    'The cursor was not made by this API, or it is of a list with another status or other times.',
    {
      field: 'cursor',
      received: cursor,
      expected: 'the cursor of the page before, with the same query',
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
