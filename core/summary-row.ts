import { z } from 'zod';
import { ReadStatus } from './job.ts';
import { Risk } from './judgement.ts';
import { ChecksState, PullRequestRecord, RepositoryResult } from './repository-result.ts';
import { Decision } from './review.ts';

/**
 * What the index of a job's rows holds of a repository, so that all rows of a job are read at once. An attribute is absent
 * before it is known.
 */
export const SummaryRow = z.object({
  repositoryName: z.string(),
  status: ReadStatus,
  ...RepositoryResult.pick({
    run: true,
    waiting: true,
    outcome: true,
    end: true,
    changedFiles: true,
    additions: true,
    deletions: true,
    costUsd: true,
    shape: true,
    kin: true,
    patchSha: true,
    errorShape: true,
    completedAt: true,
  }).shape,
  /** Absent while its change is undecided. */
  review: Decision.exclude(['undecided']).optional(),
  risk: Risk.optional(),
  prState: PullRequestRecord.shape.state.optional(),
  checks: ChecksState.optional(),
  prNumber: z.int().optional(),
});
export type SummaryRow = z.infer<typeof SummaryRow>;

export const SUMMARY_COLUMNS = SummaryRow.keyof().options;

const optionalColumns = Object.fromEntries(
  SUMMARY_COLUMNS.filter((name) => name !== 'repositoryName' && name !== 'status').map((name) => [
    name,
    z.array((SummaryRow.shape[name] as z.ZodOptional<z.ZodType>).unwrap().nullable()).optional(),
  ]),
);

/** Rows as columns, which compress far better: each has a value for each repository, in the order of `repositoryName`. */
export const SummaryColumns = z
  .object({
    repositoryName: z.array(z.string()),
    status: z.array(ReadStatus),
    ...optionalColumns,
  })
  .meta({
    description:
      'The nth value of each column is about the nth repository. A column without any value is absent.',
  });

export function columnsOf(rows: readonly SummaryRow[]): Record<string, unknown[]> {
  const columns: Record<string, unknown[]> = { repositoryName: [], status: [] };
  for (const name of SUMMARY_COLUMNS) {
    const isUsed = name in columns || rows.some((row) => row[name] !== undefined);
    if (isUsed) columns[name] = rows.map((row) => row[name] ?? null);
  }
  return columns;
}
