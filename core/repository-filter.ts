import { z } from 'zod';
import { ChangeShapes, EndReason, Outcome, type RepositoryResult } from './repository-result.ts';

/** Picks repositories of a job by what they came to. A repository has to match every field that is given. */
export const RepositoryFilter = z
  .object({
    outcome: Outcome,
    end: EndReason,
    errorShape: z.string().min(1).max(2000),
    shape: ChangeShapes.shape.shape.unwrap(),
    kin: ChangeShapes.shape.kin.unwrap(),
  })
  .partial();
export type RepositoryFilter = z.infer<typeof RepositoryFilter>;

/** The attributes of a row that a filter compares. */
export const FILTERED_BY = RepositoryFilter.keyof().options;

/** The fields of the filter that are given; undefined if none is. */
export function filterOf(given: RepositoryFilter): RepositoryFilter | undefined {
  const named = FILTERED_BY.filter((field) => given[field] !== undefined);
  return named.length > 0 ? Object.fromEntries(named.map((field) => [field, given[field]])) : undefined;
}

export function matches(
  row: Pick<RepositoryResult, keyof RepositoryFilter>,
  filter: RepositoryFilter,
): boolean {
  return FILTERED_BY.every((field) => filter[field] === undefined || row[field] === filter[field]);
}
