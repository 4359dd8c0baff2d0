import { UsageError } from '../../core/errors.ts';
import type { SummaryRow } from '../../core/summary-row.ts';

/** The changes that are equal but for their place. */
export type Shape = { shape: string; kin: string | undefined; rows: SummaryRow[] };

/** The classes of a job's changes, largest first. */
export function shapesOf(rows: readonly SummaryRow[]): Shape[] {
  const changed = rows.filter(({ shape, outcome }) => shape !== undefined && outcome === 'changed');
  return [...Map.groupBy(changed, ({ shape }) => shape!)]
    .map(([shape, same]) => ({ shape, kin: same[0]!.kin, rows: same }))
    .sort((a, b) => b.rows.length - a.rows.length);
}

/** The shape that the start of an identifier means. Throws UsageError if it is none, or several. */
export function findShape(rows: readonly SummaryRow[], given: string): Shape {
  const wanted = given.toLowerCase();
  const found = shapesOf(rows).filter(
    ({ shape }) => shape.startsWith(wanted) || shape.split(':')[1]!.startsWith(wanted),
  );
  if (found.length === 1) return found[0]!;
  throw new UsageError(
    found.length === 0
      ? `--shape ${given} is not a class of this job's changes. \`cody-batch shapes\` lists them.`
      : `--shape ${given} could be ${found
          .map(({ shape }) => shape.slice(0, 12))
          .slice(0, 3)
          .join(', ')}. Give more of it.`,
  );
}

export function rowsOfShape(rows: readonly SummaryRow[], given: string): SummaryRow[] {
  return findShape(rows, given).rows;
}
