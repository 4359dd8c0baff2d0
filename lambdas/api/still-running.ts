import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import type { JobRow } from '../../core/job.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { findArtifact } from '../../core/store/artifacts.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';
import { withFreshCounts } from '../run/fresh-counts.ts';
import { readRecord } from '../run/run-record.ts';

/** `headers` are those of the answer. */
export class StillRunningError extends ConflictError {
  readonly headers: Record<string, string>;

  constructor(message: string, headers: Record<string, string>) {
    super(message);
    this.headers = headers;
  }
}

const Items = z.array(z.unknown());

/**
 * The refusal of another run while one is under way: which run that is, what it has left, and when it ends, if its pull
 * requests wait for slots. `show` returns the job as the caller sees it: who may touch only some repositories is told of those
 * alone.
 */
export async function stillRunning(
  jobId: string,
  show: (job: JobRow) => Promise<Pick<JobRow, 'status' | 'run' | 'counts'>>,
  context: Context,
): Promise<ConflictError> {
  const job = await withFreshCounts(await context.jobs.get(jobId), context);
  const shown = await show(job);
  const { status, run, counts } = shown;
  const { kind, startedAt } = await readRecord(job, run, context);
  const left = counts.pending + counts.processing;
  const what = `run ${run}${kind ? `, ${kind}` : ''}${startedAt ? `, since ${startedAt}` : ''}`;
  const seesAll = shown === job;
  const paced =
    seesAll && left === 0 && startedAt ? await pullRequestsOf(job, startedAt, context) : undefined;
  const progress =
    left > 0
      ? `${left} of its ${counts.total} repositories have not ended`
      : (paced?.progress ??
        (seesAll ? 'it is about to end' : 'your repositories of it have ended, and others may not have'));
  return new StillRunningError(
    `A job cannot run again while it runs; the job ${jobId} is ${status} (${what}): ${progress}. Wait for its end, then send the request again, or cancel it.`,
    paced ? { 'retry-after': String(paced.seconds) } : {},
  );
}

/** A run takes a slot for each of its pull requests. Returns undefined if it has listed none. */
async function pullRequestsOf(
  { jobId, run, action, pullRequest }: JobRow,
  startedAt: string,
  { artifacts, repositoryIndex, settings, now }: Context,
): Promise<{ progress: string; seconds: number } | undefined> {
  const key = `${artifactKeys.run(jobId, run)}publish/items.json`;
  const items = await findArtifact(artifacts, key, Items, setAside);
  if (!items?.length) return undefined;
  const perHour = Math.min(settings.PULL_REQUESTS_PER_HOUR, pullRequest?.perHour ?? Number.POSITIVE_INFINITY);
  const msOf = (count: number) => (count / perHour) * 3_600_000;
  const nowMs = Date.parse(now());
  // A run that analyses lists its pull requests long after its start, and opens only what has none.
  const endMs =
    action === 'publish'
      ? Date.parse(startedAt) + msOf(items.length)
      : nowMs + msOf(Math.min(items.length, (await repositoryIndex.listUntried(jobId)).length));
  return {
    progress: `it has ${items.length} pull requests, at ${perHour} an hour, so it ends about ${new Date(endMs).toISOString()}`,
    seconds: Math.max(1, Math.ceil((endMs - nowMs) / 1000)),
  };
}
