import type { z } from 'zod';
import type { AsWritten } from '../job.ts';

/** A row, and what its item holds in attributes that this version cannot read. `asWritten` is shown and never stored. */
export type Readable<Row> = Row & { asWritten?: AsWritten };

/**
 * Reads an item attribute by attribute, so that an unreadable one does not hide the others. It gets the fallback, if there
 * is one, and `asWritten` has the stored value. A status in another spelling is read as the status that it means.
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
    const value = parsed.success ? parsed.data : fallbackOf(schema, name, item[name], fallbacks);
    if (!parsed.success) asWritten[name] = item[name] ?? null;
    if (value !== undefined) row[name] = value;
  }
  return {
    ...(row as z.infer<Schema>),
    ...(Object.keys(asWritten).length > 0 && { asWritten }),
  };
}

function fallbackOf(
  schema: z.ZodObject,
  name: string,
  written: unknown,
  fallbacks: Readonly<Record<string, unknown>>,
): unknown {
  return name === 'status' ? statusMeantBy(written, schema.shape.status as z.ZodType) : fallbacks[name];
}

/** People write `FAILED` or ` Pending` when they edit a row; any other word is an unknown status. */
function statusMeantBy(written: unknown, statuses: z.ZodType): unknown {
  const word = typeof written === 'string' ? written.trim().toLowerCase() : '';
  const parsed = statuses.safeParse(word === 'canceled' ? 'cancelled' : word);
  return parsed.success ? parsed.data : 'unknown';
}

/** `a: "x"; b: 3`, shortened, for logs and messages. */
export function describeAsWritten(asWritten: AsWritten): string {
  return Object.entries(asWritten)
    .map(([name, value]) => {
      const text = JSON.stringify(value) ?? String(value);
      return `${name}: ${text.length > 100 ? `${text.slice(0, 99)}…` : text}`;
    })
    .join('; ');
}
