import { z } from 'zod';
import { ExecutionInput, type MapManifest, type PublishItem, type RunId } from '../../core/execution.ts';
import { type JobRow, parseRepositoryName } from '../../core/job.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../core/store/artifacts.ts';
import { readRunRequest } from '../../core/store/run-requests.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { pauseAfter } from '../pause.ts';
import { cleanUpRun } from '../run/clean-up.ts';
import { CANCELLED } from '../run/end-unfinished.ts';
import { needsApproval, operationOn, PUBLISHABLE_ATTRIBUTES } from '../run/publishable.ts';
import { repositoryNames } from '../run/rows.ts';
import { recordRunStart } from '../run/run-record.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';

export const Input = ExecutionInput.extend({
  /** The start of the execution, ISO 8601; given while the analysis may still be running. */
  meanwhileSince: z.iso.datetime().optional(),
});
type Input = z.infer<typeof Input>;

/** The additional result while the analysis may still be running. */
type Meanwhile = {
  /** Whether the analysis or the job has ended, so that no more changes will come. */
  analysed: boolean;
  /** The time of the next look, ISO 8601. */
  nextAt: string;
};

/**
 * Few children per owner are enough: ReserveSlot limits the rate, by each owner's credential. 80 children serve 20 owners at
 * 400 pull requests an hour each; more would only wait for the 10 concurrent functions of a new account.
 */
const CHILDREN_PER_OWNER = 4;
const MAX_CHILDREN = 80;

/**
 * Lists the recorded changes that need a pull request. While the analysis runs, only changes without a recorded attempt: a
 * failed attempt is repeated once, after the analysis, so that it takes at most two slots.
 */
export async function resolvePullRequests(
  { jobId, run, action, meanwhileSince }: Input,
  context: Context,
): Promise<MapManifest & Partial<Meanwhile>> {
  const folder = `${artifactKeys.run(jobId, run)}publish`;
  if (meanwhileSince === undefined) {
    const job = await context.jobs.get(jobId);
    if (action === 'publish') await recordRunStart(job, context);
    // CompleteJob would take repositories for lost that an unfinished cancel of the previous run has left.
    if (action === 'publish' && run > 1) await cleanUpRun({ jobId, run: run - 1 }, CANCELLED, context);
    const { names, approved } = await requestedOf(job, action, context);
    return listChanges(context, jobId, folder, { names, approvalNeeded: needsApproval(job, approved) });
  }
  const { pauseMs, approvalNeeded, ...meanwhile } = await lookMeanwhile(context, {
    jobId,
    run,
    meanwhileSince,
  });
  const names = meanwhile.analysed ? [] : await context.repositoryIndex.listUntried(jobId);
  // Only as many as can be opened before the next look: the Map waits for all of its items, so an owner with many changes
  // would delay the changes of other owners, whose credentials are idle.
  const perHour = context.settings.PULL_REQUESTS_PER_HOUR;
  const maxPerOwner = Math.max(CHILDREN_PER_OWNER, Math.ceil((perHour * pauseMs) / 3_600_000));
  // A separate folder: a late execution of this step must not overwrite the input of the last Map.
  const manifest = await listChanges(context, jobId, `${folder}-meanwhile`, {
    names,
    approvalNeeded,
    maxPerOwner,
  });
  return { ...manifest, ...meanwhile };
}

async function lookMeanwhile(
  { jobs, control, now }: Context,
  { jobId, run, meanwhileSince }: RunId & { meanwhileSince: string },
): Promise<Meanwhile & { pauseMs: number; approvalNeeded: boolean }> {
  const [job, { analysedInRun }] = await Promise.all([jobs.get(jobId), control.get(jobId)]);
  const nowMs = Date.parse(now());
  const pauseMs = pauseAfter(nowMs - Date.parse(meanwhileSince));
  return {
    pauseMs,
    approvalNeeded: needsApproval(job),
    analysed: analysedInRun === run || job.status !== 'processing' || job.run !== run,
    nextAt: new Date(nowMs + pauseMs).toISOString(),
  };
}

async function listChanges(
  context: Context,
  jobId: string,
  folder: string,
  {
    names,
    approvalNeeded,
    maxPerOwner,
  }: { names: readonly string[]; approvalNeeded: boolean; maxPerOwner?: number },
): Promise<MapManifest> {
  const [rows, decisions] = await Promise.all([
    context.repositories.getMany(jobId, names, PUBLISHABLE_ATTRIBUTES),
    context.reviews.decisions(jobId, context.artifacts),
  ]);
  const operations = rows.flatMap((row): PublishItem[] => {
    const operation = operationOn(row, decisions, approvalNeeded);
    return 'reason' in operation ? [] : [operation];
  });
  const byOwner = Map.groupBy(
    operations,
    ({ repositoryName }) => parseRepositoryName(repositoryName.toLowerCase()).owner,
  );
  const groups = [...byOwner.values()].map((items) => items.slice(0, maxPerOwner));
  const items = inTurn(groups);

  const key = `${folder}/items.json`;
  await unlessDeleted(jobId, context, () => writeArtifact(context.artifacts, key, items, { plain: true }));
  const concurrency = Math.min(MAX_CHILDREN, CHILDREN_PER_OWNER * Math.max(1, byOwner.size));
  return { key, prefix: `${folder}/results`, concurrency, count: items.length };
}

/** One item of each group, then the next of each, so that children of all owners run at the same time. */
function inTurn<T>(groups: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...groups.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) =>
    groups.flatMap((group) => (i < group.length ? [group[i]!] : [])),
  ).flat();
}

/** The repositories whose changes this run publishes, and whether it was asked for approved ones only. */
async function requestedOf(
  job: JobRow,
  action: Input['action'],
  context: Context,
): Promise<{ names: readonly string[]; approved?: boolean | undefined }> {
  const asked = (action === 'publish' || job.createPullRequests) && job.status === 'processing';
  if (!asked) return { names: [] };
  const request = action === 'publish' ? await readRunRequest(context.artifacts, job) : undefined;
  const names = request?.selection ?? (await repositoryNames(job.jobId, context));
  return { names, approved: request?.approved };
}

export const handler = functionHandler(Input, resolvePullRequests);
