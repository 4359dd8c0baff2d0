import type { z } from 'zod';
import { artifactKeys, writeArtifact } from '../../core/artifacts.ts';
import { ExecutionInput, type MapManifest, type PublishItem } from '../../core/execution.ts';
import { functionHandler } from '../function-handler.ts';
import type { Storage } from '../storage.ts';
import { repositoryNames } from '../totals.ts';

export const Input = ExecutionInput;

/** Few at once: what paces pull requests is ReserveSlot, and a waiting child costs nothing. */
const CONCURRENCY = 4;

/** Lists the recorded changes that are to become pull requests and are none yet. */
export async function resolvePullRequests(
  { jobId, run, action }: z.infer<typeof Input>,
  { artifacts, jobs, repositories }: Storage,
): Promise<MapManifest> {
  const job = await jobs.get(jobId);
  const asked = (action === 'publish' || job.createPullRequests) && job.status === 'processing';
  const names = asked ? await repositoryNames(artifacts, jobId) : [];
  const rows = await repositories.getMany(jobId, names, ['repositoryName', 'outcome', 'pullRequestNumber']);
  const items = rows
    .filter(({ outcome, pullRequestNumber }) => outcome === 'changed' && pullRequestNumber === undefined)
    .map(({ repositoryName }): PublishItem => ({ repositoryName }));

  const prefix = `${artifactKeys.run(jobId, run)}publish`;
  const key = `${prefix}/items.json`;
  await writeArtifact(artifacts, key, items, { plain: true });
  return { key, prefix: `${prefix}/results`, concurrency: CONCURRENCY, count: items.length };
}

export const handler = functionHandler(Input, resolvePullRequests);
