import { z } from 'zod';
import { artifactKeys, readArtifact, writeArtifact } from '../../core/artifacts.ts';
import { ExecutionInput, type MapManifest, type PublishItem } from '../../core/execution.ts';
import type { JobRow } from '../../core/job.ts';
import { unlessDeleted } from '../deleted-meanwhile.ts';
import { JOB_CANCELLED } from '../end-unfinished.ts';
import { functionHandler } from '../function-handler.ts';
import { PUBLISHABLE_BY, unpublishable } from '../publishable.ts';
import type { Storage } from '../storage.ts';
import { sweep } from '../sweep.ts';
import { repositoryNames } from '../totals.ts';

export const Input = ExecutionInput;

/**
 * Few at once for each owner: what paces pull requests is ReserveSlot, and an owner's credential has a pace of its own.
 * 20 owners at 400 an hour each are 80 children; more would only wait for the 10 functions that a new account runs.
 */
const CHILDREN_OF_AN_OWNER = 4;
const MOST_CHILDREN = 80;

/** Lists the recorded changes that are to become pull requests and are none yet. */
export async function resolvePullRequests(
  { jobId, run, action }: z.infer<typeof Input>,
  storage: Storage,
): Promise<MapManifest> {
  const job = await storage.jobs.get(jobId);
  // What a cancel of the run before has not come to yet would be taken for lost by CompleteJob.
  if (action === 'publish' && run > 1)
    await sweep(storage, { jobId, run: run - 1 }, 'cancelled', JOB_CANCELLED);
  const names = await namesOf(job, action, storage);
  const rows = await storage.repositories.getMany(jobId, names, PUBLISHABLE_BY);
  const open = rows.filter((row) => unpublishable(row) === undefined);
  const byOwner = Map.groupBy(open, ({ repositoryName }) => repositoryName.toLowerCase().split('/')[0]!);
  const items = inTurn([...byOwner.values()]).map(({ repositoryName }): PublishItem => ({ repositoryName }));

  const prefix = `${artifactKeys.run(jobId, run)}publish`;
  const key = `${prefix}/items.json`;
  await unlessDeleted(storage, jobId, () => writeArtifact(storage.artifacts, key, items, { plain: true }));
  const concurrency = Math.min(MOST_CHILDREN, CHILDREN_OF_AN_OWNER * Math.max(1, byOwner.size));
  return { key, prefix: `${prefix}/results`, concurrency, count: items.length };
}

/** One of each group, then the next of each: children that wait for one owner's slots leave room for the others'. */
function inTurn<T>(groups: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...groups.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) =>
    groups.flatMap((group) => (i < group.length ? [group[i]!] : [])),
  ).flat();
}

async function namesOf(
  job: JobRow,
  action: ExecutionInput['action'],
  storage: Storage,
): Promise<readonly string[]> {
  const asked = (action === 'publish' || job.createPullRequests) && job.status === 'processing';
  if (!asked) return [];
  if (action === 'publish' && job.selection)
    return readArtifact(storage.artifacts, job.selection, z.array(z.string()));
  return repositoryNames(storage, job.jobId);
}

export const handler = functionHandler(Input, resolvePullRequests);
