import { z } from 'zod';
import { ExecutionInput, type MapManifest, type PublishItem, type RunId } from '../../core/execution.ts';
import { type JobRow, parseRepositoryName } from '../../core/job.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { readArtifact, writeArtifact } from '../../core/store/artifacts.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { pauseAfter } from '../pause.ts';
import { cleanUpRun } from '../run/clean-up.ts';
import { CANCELLED } from '../run/end-unfinished.ts';
import { PUBLISHABLE_ATTRIBUTES, reasonNotPublishable } from '../run/publishable.ts';
import { repositoryNames } from '../run/rows.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';

export const Input = ExecutionInput.extend({
  /** ISO 8601, when the execution began: given where the analysis may still go on. */
  meanwhileSince: z.iso.datetime().optional(),
});
type Input = z.infer<typeof Input>;

/** What a look at a job that is still being analysed says beside. */
type Meanwhile = {
  /** Nothing more is to be expected: the analysis has ended, or the job has. */
  analysed: boolean;
  /** ISO 8601: when the next look may begin. */
  nextAt: string;
};

/**
 * Few at once for each owner: what paces pull requests is ReserveSlot, and an owner's credential has a pace of its own.
 * 20 owners at 400 an hour each are 80 children; more would only wait for the 10 functions that a new account runs.
 */
const CHILDREN_OF_AN_OWNER = 4;
const MOST_CHILDREN = 80;

/**
 * Lists the recorded changes that are to become pull requests and are none yet. While others are still analysed, only
 * those that nothing is recorded of: one that failed is tried once more when the analysis has ended, so that it takes the
 * others' slots twice at most.
 */
export async function resolvePullRequests(
  { jobId, run, action, meanwhileSince }: Input,
  context: Context,
): Promise<MapManifest & Partial<Meanwhile>> {
  const folder = `${artifactKeys.run(jobId, run)}publish`;
  if (meanwhileSince === undefined) {
    const job = await context.jobs.get(jobId);
    // What a cancel of the run before has not come to yet would be taken for lost by CompleteJob.
    if (action === 'publish' && run > 1) await cleanUpRun({ jobId, run: run - 1 }, CANCELLED, context);
    return listChanges(context, jobId, folder, await namesOf(job, action, context));
  }
  const { pauseMs, ...meanwhile } = await lookMeanwhile(context, { jobId, run, meanwhileSince });
  const names = meanwhile.analysed ? [] : await context.repositoryIndex.listUntried(jobId);
  // What is opened until the next look and no more: an owner with many changes would hold up the changes of another
  // one, whose credential has nothing to do, for as long as the Map has to wait for the first.
  const perHour = context.settings.PULL_REQUESTS_PER_HOUR;
  const mostOfAnOwner = Math.max(CHILDREN_OF_AN_OWNER, Math.ceil((perHour * pauseMs) / 3_600_000));
  // A folder of its own: a late answer to this step must not change what the last Map reads.
  const manifest = await listChanges(context, jobId, `${folder}-meanwhile`, names, mostOfAnOwner);
  return { ...manifest, ...meanwhile };
}

async function lookMeanwhile(
  { jobs, control, now }: Context,
  { jobId, run, meanwhileSince }: RunId & { meanwhileSince: string },
): Promise<Meanwhile & { pauseMs: number }> {
  const [job, { analysedInRun }] = await Promise.all([jobs.get(jobId), control.get(jobId)]);
  const nowMs = Date.parse(now());
  const pauseMs = pauseAfter(nowMs - Date.parse(meanwhileSince));
  return {
    pauseMs,
    analysed: analysedInRun === run || job.status !== 'processing' || job.run !== run,
    nextAt: new Date(nowMs + pauseMs).toISOString(),
  };
}

async function listChanges(
  context: Context,
  jobId: string,
  folder: string,
  names: readonly string[],
  mostOfAnOwner?: number,
): Promise<MapManifest> {
  const rows = await context.repositories.getMany(jobId, names, PUBLISHABLE_ATTRIBUTES);
  const open = rows.filter((row) => reasonNotPublishable(row) === undefined);
  const byOwner = Map.groupBy(
    open,
    ({ repositoryName }) => parseRepositoryName(repositoryName.toLowerCase()).owner,
  );
  const groups = [...byOwner.values()].map((rows) => rows.slice(0, mostOfAnOwner));
  const items = inTurn(groups).map(({ repositoryName }): PublishItem => ({ repositoryName }));

  const key = `${folder}/items.json`;
  await unlessDeleted(jobId, context, () => writeArtifact(context.artifacts, key, items, { plain: true }));
  const concurrency = Math.min(MOST_CHILDREN, CHILDREN_OF_AN_OWNER * Math.max(1, byOwner.size));
  return { key, prefix: `${folder}/results`, concurrency, count: items.length };
}

/** One of each group, then the next of each: children that wait for one owner's slots leave room for the others'. */
function inTurn<T>(groups: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...groups.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) =>
    groups.flatMap((group) => (i < group.length ? [group[i]!] : [])),
  ).flat();
}

async function namesOf(job: JobRow, action: Input['action'], context: Context): Promise<readonly string[]> {
  const asked = (action === 'publish' || job.createPullRequests) && job.status === 'processing';
  if (!asked) return [];
  if (action === 'publish' && job.selection)
    return readArtifact(context.artifacts, job.selection, z.array(z.string()));
  return repositoryNames(job.jobId, context);
}

export const handler = functionHandler(Input, resolvePullRequests);
