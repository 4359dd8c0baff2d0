import type { JobPage, Rows, SummaryRow } from '../../api/types.ts';
import type { JobSearch } from './job-search.ts';

export type Row = SummaryRow;

/** The rows of the columns that the API gives. */
export function rowsOf({ columns }: Rows): Row[] {
  const entries = Object.entries(columns) as [string, readonly unknown[]][];
  return columns.repositoryName.map((_, index) => {
    const row: Record<string, unknown> = {};
    for (const [name, values] of entries) {
      const value = values[index];
      if (value !== null && value !== undefined) row[name] = value;
    }
    return row as Row;
  });
}

/** The rows that match the search, in its order. */
export function selectRows(rows: readonly Row[], search: JobSearch): Row[] {
  const text = search.text?.toLowerCase();
  const picked = rows.filter(
    (row) =>
      (!search.status || (search.status === 'waiting' ? row.waiting : row.status === search.status)) &&
      (!search.outcome || row.outcome === search.outcome) &&
      (!search.shape || row.shape === search.shape) &&
      (!search.kin || row.kin === search.kin) &&
      (!search.error || row.errorShape === search.error) &&
      (!search.review || reviewOf(row) === search.review) &&
      (!search.pull || isPull(row, search.pull)) &&
      (!text || row.repositoryName.toLowerCase().includes(text)),
  );
  const { sort } = search;
  if (!sort) return picked;
  const keyed = picked.map((row) => ({ row, key: sortKey(row, sort) }));
  // A repository without a value is last in both orders.
  keyed.sort((a, b) => {
    if (a.key === b.key) return 0;
    if (a.key === undefined) return 1;
    if (b.key === undefined) return -1;
    return (a.key < b.key ? -1 : 1) * (search.desc ? -1 : 1);
  });
  return keyed.map(({ row }) => row);
}

function sortKey(row: Row, sort: NonNullable<JobSearch['sort']>): string | number | undefined {
  if (sort === 'changes')
    return row.additions === undefined ? undefined : row.additions + (row.deletions ?? 0);
  return row[sort];
}

const CHECKS = { red: 'failing', green: 'passing', unfinished: 'pending' } as const;

/** Whether a pull request is in this state. `none`: there is none. */
export function isPull({ prState, checks }: Row, wanted: NonNullable<JobSearch['pull']>): boolean {
  if (wanted === 'red' || wanted === 'green' || wanted === 'unfinished')
    return prState === 'open' && checks === CHECKS[wanted];
  return (prState ?? 'none') === wanted;
}

/** The decision about a row's change; undefined if it has none to decide about. */
export function reviewOf(row: Row): 'approve' | 'reject' | 'undecided' | undefined {
  return isChange(row) ? (row.review ?? 'undecided') : undefined;
}

export function isChange({ outcome, patchSha }: Row): boolean {
  return outcome === 'changed' && patchSha !== undefined;
}

/** Whether a decision lets a pull request of the change be opened. */
export function mayPublish({ review }: Row, job: Pick<JobPage, 'review'>): boolean {
  return job.review === 'required' ? review === 'approve' : review !== 'reject';
}

/** Whether an instruction can continue the work on it. */
export function isRevisable({ status }: Row): boolean {
  return status === 'completed' || status === 'failed';
}

export type Shape = { shape: string; rows: Row[]; review: 'approve' | 'reject' | 'undecided' | 'mixed' };
export type Kin = { kin: string; count: number; shapes: Shape[] };

/** Changes as kin, and each kin as shapes, the largest first. */
export function kinsOf(rows: readonly Row[]): Kin[] {
  const changes = rows.filter((row) => isChange(row) && row.shape !== undefined);
  const kins = [...Map.groupBy(changes, ({ kin, shape }) => kin ?? shape!)].map(([kin, members]) => {
    const shapes = [...Map.groupBy(members, ({ shape }) => shape!)]
      .map(([shape, of]) => ({ shape, rows: of, review: reviewOfAll(of) }))
      .sort((a, b) => b.rows.length - a.rows.length);
    return { kin, count: members.length, shapes };
  });
  return kins.sort((a, b) => b.count - a.count);
}

function reviewOfAll(rows: readonly Row[]): Shape['review'] {
  const [first, ...others] = new Set(rows.map(reviewOf));
  return others.length > 0 ? 'mixed' : (first ?? 'undecided');
}

export type Failure = { error: string; rows: Row[]; medianUsd: number | undefined };

/** Failed repositories by the way they failed, the most frequent first. */
export function failuresOf(rows: readonly Row[]): Failure[] {
  const failed = rows.filter(({ status }) => status === 'failed');
  return [...Map.groupBy(failed, ({ errorShape, end }) => errorShape ?? end ?? 'no reason is recorded')]
    .map(([error, of]) => ({
      error,
      rows: of,
      medianUsd: median(of.flatMap(({ costUsd }) => costUsd ?? [])),
    }))
    .sort((a, b) => b.rows.length - a.rows.length);
}

export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], at: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))];
}

/** The first characters of a shape's digest, by which a person can tell shapes apart. */
export function shortShape(shape: string): string {
  return shape.replace(/^\d+:/, '').slice(0, 7);
}
