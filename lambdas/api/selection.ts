import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { RepositoryName } from '../../core/job.ts';
import { filterOf, matches, RepositoryFilter } from '../../core/repository-filter.ts';
import type { Context } from '../context.ts';
import { repositoryNames } from '../run/rows.ts';
import { namesOfJob } from './names-of-job.ts';

/** The fields by which a request picks repositories of its job: by name, or by what they came to. */
export const SELECTION = {
  repositories: z.array(RepositoryName).min(1).max(10_000).optional(),
  ...RepositoryFilter.shape,
};
export type Selection = { repositories?: readonly string[] | undefined } & RepositoryFilter;

export function isOneSelection(body: Selection): boolean {
  return body.repositories === undefined || filterOf(body) === undefined;
}

export const ONE_SELECTION = {
  error: 'expected either repositories, or some of outcome, end, errorShape, shape and kin',
  path: ['repositories'],
};

/**
 * The names that a request picks, sorted; undefined if it picks none and so takes all. `mine` are those that a caller may
 * touch who may not touch all: others are as if the job did not have them. Reads the index, which may lag a second behind.
 * Throws InvalidInputError for a name that the job does not have.
 */
export async function selectedNames(
  jobId: string,
  selection: Selection = {},
  context: Pick<Context, 'repositoryIndex' | 'artifacts'>,
  mine?: readonly string[],
): Promise<string[] | undefined> {
  if (selection.repositories) {
    const known = mine ?? (await repositoryNames(jobId, context));
    if (known.length === 0) {
      throw new ConflictError(
        `The repositories of the job ${jobId} have not been listed yet, so none can be picked. Send the request again in a moment.`,
      );
    }
    return namesOfJob(jobId, selection.repositories, known);
  }
  const filter = filterOf(selection);
  if (!filter) return mine && [...mine].sort();
  const isMine = mine && new Set(mine);
  const names: string[] = [];
  for await (const page of context.repositoryIndex.rowPages(jobId))
    for (const row of page)
      if (matches(row, filter) && (isMine?.has(row.repositoryName) ?? true)) names.push(row.repositoryName);
  return names.sort();
}
