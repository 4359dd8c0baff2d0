import type { JobRow } from '../../core/job.ts';
import type { ArtifactStore } from '../../core/store/artifact-store.ts';
import type { Context } from '../context.ts';
import { repositoryNames } from '../run/rows.ts';

/** The lists of 10,000 names each that a process keeps take about 10 MB. */
const MAX_JOBS = 16;

const kept = new WeakMap<ArtifactStore, Map<string, Promise<string[]>>>();

/**
 * The names of a job's repositories, as `repositoryNames` has them. A list is read once by a process and not on every poll:
 * only a later run that lets more repositories in changes it.
 */
export async function knownNames(
  { jobId, run, counts: { total } }: JobRow,
  context: Pick<Context, 'artifacts' | 'repositoryIndex'>,
): Promise<string[]> {
  const lists = kept.get(context.artifacts) ?? new Map<string, Promise<string[]>>();
  kept.set(context.artifacts, lists);
  const key = `${jobId}/${run}/${total}`;
  const reading = lists.get(key) ?? repositoryNames(jobId, context);
  // The one used last is at the end.
  lists.delete(key);
  lists.set(key, reading);
  try {
    const names = await reading;
    // Until it has been written, the list is not the one that the job has counted.
    if (names.length !== total) lists.delete(key);
    return names;
  } catch (error) {
    lists.delete(key);
    throw error;
  } finally {
    if (lists.size > MAX_JOBS) lists.delete(lists.keys().next().value!);
  }
}
