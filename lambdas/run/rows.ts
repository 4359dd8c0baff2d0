import { z } from 'zod';
import { RepositoryName } from '../../core/job.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { findArtifact } from '../../core/store/artifacts.ts';
import type { Readable } from '../../core/store/stored.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';

const COUNTED_ATTRIBUTES = [
  'repositoryName',
  'status',
  'run',
  'outcome',
  'shape',
  'patchSha',
  'tokenUsage',
  'costUsd',
  'turns',
  'attempts',
  'earlierRuns',
  'pullRequest',
  'expiresAt',
  'standing',
  'revision',
] as const satisfies (keyof RepositoryResult)[];

export type CountedRow = Readable<Pick<RepositoryResult, (typeof COUNTED_ATTRIBUTES)[number]>>;

/** The names of all repositories of a job, and the rows of those that have one. */
export type JobRows = { names: readonly string[]; rows: CountedRow[] };

/**
 * The names of a job's repositories; empty before ResolveRepositories has listed them. If the list is missing or damaged,
 * the names that have rows.
 */
export async function repositoryNames(
  jobId: string,
  { artifacts, repositoryIndex }: Pick<Context, 'artifacts' | 'repositoryIndex'>,
): Promise<string[]> {
  const key = artifactKeys.repositories(jobId);
  const names = await findArtifact(artifacts, key, z.array(RepositoryName), setAside);
  return names ? [...new Set(names)] : repositoryIndex.listNames(jobId);
}

/** Reads the table and not the index, which may lag behind it. */
export async function readRows(jobId: string, context: Context): Promise<JobRows> {
  const names = await repositoryNames(jobId, context);
  return { names, rows: await context.repositories.getMany(jobId, names, COUNTED_ATTRIBUTES) };
}

/** The same, with the rows of `changed` read again. */
export async function readAgain(
  jobId: string,
  { names, rows }: JobRows,
  changed: readonly string[],
  { repositories }: Context,
): Promise<JobRows> {
  if (changed.length === 0) return { names, rows };
  const fresh = await repositories.getMany(jobId, changed, COUNTED_ATTRIBUTES);
  const byName = new Map(fresh.map((row) => [row.repositoryName, row]));
  const isChanged = new Set(changed);
  // A row that is gone by now is not counted.
  const current = rows.flatMap((row) =>
    isChanged.has(row.repositoryName) ? (byName.get(row.repositoryName) ?? []) : [row],
  );
  return { names, rows: current };
}
