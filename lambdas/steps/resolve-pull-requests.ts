import { z } from 'zod';
import { ExecutionInput, type MapManifest, type PublishItem, type RunId } from '../../core/execution.ts';
import { type JobRow, parseRepositoryName } from '../../core/job.ts';
import { FILTERED_BY, matches } from '../../core/repository-filter.ts';
import type { RunRequest } from '../../core/run-request.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../core/store/artifacts.ts';
import type { Publication } from '../../core/store/publications.ts';
import { readRunRequest } from '../../core/store/run-requests.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { pauseAfter } from '../pause.ts';
import { type Asked, operationFor } from '../run/asked-operation.ts';
import { cleanUpRun } from '../run/clean-up.ts';
import { CANCELLED } from '../run/end-unfinished.ts';
import { PUBLISHABLE_ATTRIBUTES } from '../run/publishable.ts';
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
 * Lists what is done with pull requests: the recorded changes that need one, or those that the request is about. While the analysis runs, only changes without a recorded attempt: a
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
    // Requests that come after this are refused, so that none is accepted and then forgotten.
    const publications = await context.publications.take({ jobId, run });
    return listChanges(context, job, folder, await requestedOf(job, action, publications, context));
  }
  const { pauseMs, job, ...meanwhile } = await lookMeanwhile(context, { jobId, run, meanwhileSince });
  const names = meanwhile.analysed ? [] : await context.repositoryIndex.listUntried(jobId);
  // Only as many as can be opened before the next look: the Map waits for all of its items, so an owner with many changes
  // would delay the changes of other owners, whose credentials are idle.
  const perHour = context.settings.PULL_REQUESTS_PER_HOUR;
  const maxPerOwner = Math.max(CHILDREN_PER_OWNER, Math.ceil((perHour * pauseMs) / 3_600_000));
  // A separate folder: a late execution of this step must not overwrite the input of the last Map.
  const requested: Requested = new Map(names.map((name) => [name, NO_REQUEST]));
  const manifest = await listChanges(context, job, `${folder}-meanwhile`, requested, maxPerOwner);
  return { ...manifest, ...meanwhile };
}

/** By the repository's name: the request that its pull request was asked for by. */
type Requested = Map<string, Asked & { key: string }>;
/** What the job itself asked for. */
const NO_REQUEST = { key: '' };

async function lookMeanwhile(
  { jobs, control, now }: Context,
  { jobId, run, meanwhileSince }: RunId & { meanwhileSince: string },
): Promise<Meanwhile & { pauseMs: number; job: JobRow }> {
  const [job, { analysedInRun }] = await Promise.all([jobs.get(jobId), control.get(jobId)]);
  const nowMs = Date.parse(now());
  const pauseMs = pauseAfter(nowMs - Date.parse(meanwhileSince));
  return {
    pauseMs,
    job,
    analysed: analysedInRun === run || job.status !== 'processing' || job.run !== run,
    nextAt: new Date(nowMs + pauseMs).toISOString(),
  };
}

async function listChanges(
  context: Context,
  job: JobRow,
  folder: string,
  requested: Requested,
  maxPerOwner?: number,
): Promise<MapManifest> {
  const { jobId } = job;
  const [rows, decisions] = await Promise.all([
    context.repositories.getMany(jobId, [...requested.keys()], PUBLISHABLE_ATTRIBUTES),
    context.reviews.decisions(jobId, context.artifacts),
  ]);
  const operations = rows.flatMap((row): PublishItem[] => {
    const { key, ...asked } = requested.get(row.repositoryName) ?? NO_REQUEST;
    const operation = operationFor(row, decisions, asked, job);
    return 'reason' in operation ? [] : [{ ...operation, request: key }];
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

/**
 * The repositories whose changes this run publishes, by what the job or this run was asked for, and then by the requests
 * that joined the run. The last request that has a repository decides about its options.
 */
async function requestedOf(
  job: JobRow,
  action: Input['action'],
  publications: readonly Publication[],
  context: Context,
): Promise<Requested> {
  const requested: Requested = new Map();
  if (job.status !== 'processing') return requested;
  const all = await repositoryNames(job.jobId, context);
  if (job.createPullRequests && !job.held && action !== 'publish')
    for (const name of all) requested.set(name, NO_REQUEST);
  if (action === 'revise') for (const name of await replacedIn(job, context)) requested.set(name, NO_REQUEST);
  const keys = [
    ...(action === 'publish' ? [job.request] : []),
    ...publications.map(({ request }) => request),
  ];
  for (const key of keys) {
    const request = await readRunRequest(context.artifacts, { jobId: job.jobId, request: key });
    for (const name of await namesOf(job.jobId, request, all, context))
      requested.set(name, { key: key!, approved: request.approved, operation: request.operation });
  }
  return requested;
}

/** The repositories whose open pull request shows a change that this run has replaced. */
async function replacedIn(job: JobRow, { artifacts, repositories }: Context): Promise<string[]> {
  const { selection = [] } = await readRunRequest(artifacts, job);
  const rows = await repositories.getMany(job.jobId, selection, [
    'repositoryName',
    'revision',
    'pullRequest',
  ]);
  return rows
    .filter(
      ({ revision, pullRequest }) =>
        revision?.run === job.run && revision.cameTo === 'replaced' && pullRequest?.state === 'open',
    )
    .map(({ repositoryName }) => repositoryName);
}

async function namesOf(
  jobId: string,
  { selection, filter }: RunRequest,
  all: readonly string[],
  { repositories }: Context,
): Promise<readonly string[]> {
  const names = selection ?? all;
  if (!filter) return names;
  const rows = await repositories.getMany(jobId, names, ['repositoryName', ...FILTERED_BY]);
  return rows.filter((row) => matches(row, filter)).map(({ repositoryName }) => repositoryName);
}

export const handler = functionHandler(Input, resolvePullRequests);
