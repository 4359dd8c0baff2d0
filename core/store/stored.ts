import type { z } from 'zod';
import type { AsWritten, ReadStatus } from '../job.ts';
import { Status } from '../job.ts';

/** A row, and what its item holds in attributes that this version cannot read. `asWritten` is shown and never stored. */
export type Readable<Row> = Row & { asWritten?: AsWritten };

/**
 * Reads an item attribute by attribute, so that one that cannot be read hides neither the others nor the row. In its place
 * is the fallback, or nothing, and `asWritten` has what was found. A status that somebody spelt in another way is read as
 * what it means.
 */
export function readItem<Schema extends z.ZodObject>(
  schema: Schema,
  item: Readonly<Record<string, unknown>>,
  options: { fallbacks: Partial<z.infer<Schema>>; attributes?: readonly string[] },
): Readable<z.infer<Schema>> {
  const { fallbacks, attributes = Object.keys(schema.shape) } = options;
  const row: Record<string, unknown> = {};
  const asWritten: AsWritten = {};
  for (const name of attributes) {
    const parsed = (schema.shape[name] as z.ZodType).safeParse(item[name]);
    const value = parsed.success ? parsed.data : fallbackOf(name, item[name], fallbacks);
    if (!parsed.success) asWritten[name] = item[name] ?? null;
    if (value !== undefined) row[name] = value;
  }
  return {
    ...(row as z.infer<Schema>),
    ...(Object.keys(asWritten).length > 0 && { asWritten }),
  };
}

function fallbackOf(name: string, written: unknown, fallbacks: Readonly<Record<string, unknown>>): unknown {
  return name === 'status' ? statusMeantBy(written) : fallbacks[name];
}

/** `FAILED` and ` Pending` are what people write who know the original; anything else is a status that nobody knows. */
function statusMeantBy(written: unknown): ReadStatus {
  const word = typeof written === 'string' ? written.trim().toLowerCase() : '';
  const { data } = Status.safeParse(word === 'canceled' ? 'cancelled' : word);
  return data ?? 'unknown';
}

/** `a: "x"; b: 3`, shortened, for a log and a message. */
export function describeAsWritten(asWritten: AsWritten): string {
  return Object.entries(asWritten)
    .map(([name, value]) => {
      const text = JSON.stringify(value) ?? String(value);
      return `${name}: ${text.length > 100 ? `${text.slice(0, 99)}…` : text}`;
    })
    .join('; ');
}
