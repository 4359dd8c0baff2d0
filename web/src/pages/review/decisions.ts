import type { Rows } from '../../api/types.ts';
import { type Row, reviewOf } from '../job/rows.ts';

export type Decision = 'approve' | 'reject' | 'undecided';
/** A decision about all changes of a shape as they were shown, or about those of some repositories. */
export type Decide = { decision: Decision; rows: readonly Row[]; shape?: string };

/** The API records so many decisions about single repositories in one request. */
const MAX_ROWS = 1000;

/** The same decision about any number of repositories, as the API takes them. */
export function decisionsOf(decision: Decision, rows: readonly Row[]): Decide[] {
  return Array.from({ length: Math.ceil(rows.length / MAX_ROWS) }, (_, i) => ({
    decision,
    rows: rows.slice(i * MAX_ROWS, (i + 1) * MAX_ROWS),
  }));
}

/** What takes a decision back: each change gets the decision that it had before. */
export function inverseOf({ rows, shape }: Decide): Decide[] {
  const before = [...Map.groupBy(rows, (row) => reviewOf(row) ?? 'undecided')];
  if (shape === undefined) return before.flatMap(([decision, of]) => decisionsOf(decision, of));
  if (before.length === 1) return [{ decision: before[0]![0], rows, shape }];
  const decided = before.filter(([decision]) => decision !== 'undecided');
  return [
    { decision: 'undecided', rows, shape },
    ...decided.flatMap(([decision, of]) => decisionsOf(decision, of)),
  ];
}

/** The rows as they are once the decisions are recorded. */
export function withDecisions({ columns, ...rest }: Rows, all: readonly Decide[]): Rows {
  const decided = new Map(
    all.flatMap(({ decision, rows }) =>
      rows.map(({ repositoryName }) => [repositoryName, decision] as const),
    ),
  );
  const review = columns.repositoryName.map((name, index) => {
    const decision = decided.get(name!);
    if (decision === undefined) return columns.review?.[index] ?? null;
    return decision === 'undecided' ? null : decision;
  });
  return { ...rest, columns: { ...columns, review } as Rows['columns'] };
}
