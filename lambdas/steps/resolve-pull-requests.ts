import { z } from 'zod';
import { artifactKeys, readArtifact, writeArtifact } from '../../core/artifacts.ts';
import { ExecutionInput, type MapManifest, type PublishItem } from '../../core/execution.ts';
import type { JobRow } from '../../core/job.ts';
import { JOB_CANCELLED } from '../end-unfinished.ts';
import { functionHandler } from '../function-handler.ts';
import { PUBLISHABLE_BY, unpublishable } from '../publishable.ts';
import type { Storage } from '../storage.ts';
import { sweep } from '../sweep.ts';
import { repositoryNames } from '../totals.ts';

export const Input = ExecutionInput;

/** Few at once: what paces pull requests is ReserveSlot, and a waiting child costs nothing. */
const CONCURRENCY = 4;

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
  const items = rows
    .filter((row) => unpublishable(row) === undefined)
    .map(({ repositoryName }): PublishItem => ({ repositoryName }));

  const prefix = `${artifactKeys.run(jobId, run)}publish`;
  const key = `${prefix}/items.json`;
  await writeArtifact(storage.artifacts, key, items, { plain: true });
  return { key, prefix: `${prefix}/results`, concurrency: CONCURRENCY, count: items.length };
}

async function namesOf(
  job: JobRow,
  action: JobRow['action'],
  { artifacts }: Storage,
): Promise<readonly string[]> {
  const asked = (action === 'publish' || job.createPullRequests) && job.status === 'processing';
  if (!asked) return [];
  if (action === 'publish' && job.selection)
    return readArtifact(artifacts, job.selection, z.array(z.string()));
  return repositoryNames(artifacts, job.jobId);
}

export const handler = functionHandler(Input, resolvePullRequests);
