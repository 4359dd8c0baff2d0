import { isDeepStrictEqual } from 'node:util';
import type { RunId } from '../../core/execution.ts';
import { countsOf, type ErrorDescription, isRunning, type JobRow, type ReadStatus } from '../../core/job.ts';
import { RunRecord } from '../../core/run-record.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { findArtifact, writeArtifact } from '../../core/store/artifacts.ts';
import { findRunRequest } from '../../core/store/run-requests.ts';
import { addCosts, addTokens, NO_TOKENS, subtractCosts, subtractTokens } from '../../core/usage.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';
import type { CountedRow } from './rows.ts';
import { unlessDeleted } from './unless-deleted.ts';

type Stores = Pick<Context, 'jobs' | 'artifacts' | 'now'>;

/** Writes the record of the job's current run, unless it has one. Safe to call again. */
export async function recordRunStart(job: JobRow, context: Stores): Promise<void> {
  if (await findRecord(job, context)) return;
  await writeRecord(job.jobId, { ...(await newRecord(job, context)), startedAt: context.now() }, context);
}

/**
 * Writes how a run ends, and what it used by the rows that it worked on: before the job's row has its end, so that a reader
 * of an ended job finds both. The first end stays; what the run used may grow while its last workers end. Does nothing for
 * a run of which nothing is known.
 */
export async function recordRunEnd(
  { jobId, run }: RunId,
  rows: readonly CountedRow[],
  end: Pick<RunRecord, 'status' | 'error'>,
  context: Stores,
): Promise<void> {
  const job = await context.jobs.find(jobId);
  if (!job) return;
  const before = await findRecord({ jobId, run }, context);
  const known = before ?? (job.run === run ? await newRecord(job, context) : undefined);
  if (!known) return;
  const usage = usageOf(run, rows);
  const { counts, tokenUsage, costUsd, endedAt } = known;
  if (endedAt !== undefined && isDeepStrictEqual(usage, { counts, tokenUsage, costUsd })) return;
  const ended = endedAt === undefined ? { ...end, ...statusOf(job, run), endedAt: context.now() } : {};
  await writeRecord(jobId, { ...known, ...ended, ...usage }, context);
}

/** Keeps the record of a run that has ended, before the next run takes its place on the job's row. */
export async function keepRecord(job: JobRow, context: Stores): Promise<void> {
  const before = await findRecord(job, context);
  if (before?.endedAt !== undefined && before.status === job.status) return;
  const known = before ?? (await newRecord(job, context));
  await writeRecord(job.jobId, { ...known, ...endOf(job), endedAt: known.endedAt ?? job.updatedAt }, context);
}

/** The status that the job has, or gets at the end of its current run. */
function statusOf(job: JobRow, run: number): Partial<Pick<RunRecord, 'status'>> {
  if (job.run !== run) return {};
  if (!isRunning(job.status)) return { status: job.status };
  return job.waitingFor ? { status: 'waiting' } : {};
}

/** The record of a run, as far as it is known; the current one is as the job's row says. */
export async function readRecord(
  job: JobRow,
  run: number,
  context: Pick<Context, 'artifacts'>,
): Promise<RunRecord> {
  const found = await findRecord({ jobId: job.jobId, run }, context);
  if (run !== job.run) return found ?? { run, status: 'unknown' };
  return { ...(found ?? (await newRecord(job, context))), ...endOf(job), executionArn: job.executionArn };
}

function endOf({ status, error }: JobRow): {
  status: JobRow['status'];
  error?: ErrorDescription | undefined;
} {
  return isRunning(status) ? { status } : { status, error };
}

function findRecord(
  { jobId, run }: RunId,
  { artifacts }: Pick<Context, 'artifacts'>,
): Promise<RunRecord | undefined> {
  return findArtifact(artifacts, artifactKeys.runRecord(jobId, run), RunRecord, setAside);
}

async function newRecord(job: JobRow, { artifacts }: Pick<Context, 'artifacts'>): Promise<RunRecord> {
  const { run, action, request, executionArn, status } = job;
  const asked = await findRunRequest(artifacts, job, setAside);
  const { kind, selection, requestedBy, requestedAt } = asked ?? {};
  return {
    ...{ run, kind, action, selected: selection?.length, request, requestedBy, requestedAt },
    ...{ executionArn, status },
  };
}

async function writeRecord(jobId: string, record: RunRecord, context: Stores): Promise<void> {
  const key = artifactKeys.runRecord(jobId, record.run);
  await unlessDeleted(jobId, context, () => writeArtifact(context.artifacts, key, record));
}

/** A row has the usage of all runs that worked on it, and that of the runs before its last one. */
function usageOf(
  run: number,
  rows: readonly CountedRow[],
): Pick<RunRecord, 'counts' | 'tokenUsage' | 'costUsd'> {
  const own = rows.filter((row) => row.run === run);
  const byStatus: Partial<Record<ReadStatus, number>> = {};
  let tokenUsage = NO_TOKENS;
  let costUsd: number | undefined = 0;
  for (const row of own) {
    byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;
    const used = subtractTokens(row.tokenUsage ?? NO_TOKENS, row.earlierRuns?.tokenUsage ?? NO_TOKENS);
    if (used.total === 0) continue;
    tokenUsage = addTokens(tokenUsage, used);
    costUsd = addCosts(
      costUsd,
      row.earlierRuns ? subtractCosts(row.costUsd, row.earlierRuns.costUsd) : row.costUsd,
    );
  }
  return { counts: own.length > 0 ? countsOf(byStatus) : undefined, tokenUsage, costUsd };
}
