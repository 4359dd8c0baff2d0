import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { JobId, type JobRow, JobSettings, ShownJob } from '../../core/job.ts';
import { filterOf } from '../../core/repository-filter.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import type { Readable } from '../../core/store/stored.ts';
import type { Context } from '../context.ts';
import { repositoryNames } from '../run/rows.ts';
import { beginRun } from './begin-run.ts';
import { BUDGET, changedSettings, refuseCapOfOthers } from './budget.ts';
import { route } from './route.ts';
import { isOneSelection, ONE_SELECTION, SELECTION, selectedNames } from './selection.ts';
import { touchableNames } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });
const body = z
  .strictObject({
    ...SELECTION,
    ...BUDGET,
    // A job whose model the service refused needs another one.
    settings: BUDGET.settings.unwrap().extend({ model: JobSettings.shape.model.optional() }).optional(),
  })
  .refine(isOneSelection, ONE_SELECTION)
  .optional();

/** Analyses failed and cancelled repositories again; completed ones keep their results. */
export const retryJob = route(
  'POST',
  '/jobs/{jobId}/retry',
  {
    role: 'runner',
    summary: 'Runs again what failed or was cancelled, as the next run of the job.',
    params,
    body,
    isFiltered: true,
    isIdempotent: true,
    responses: { 202: ShownJob, 200: ShownJob },
    problems: [409],
  },
  async ({ params: { jobId }, body, headers, createdBy, access }, context) => {
    const mine = await touchableNames(jobId, { access, createdBy }, context);
    refuseCapOfOthers(body, mine);
    const isPicked = body?.repositories !== undefined || filterOf(body ?? {}) !== undefined;
    const prepare = async (job: JobRow) => ({
      ...{ kind: 'retry' as const, action: 'analyze' as const },
      selection: await namesToRetry(
        job,
        { selected: await selectedNames(jobId, body, context, mine), isPicked },
        context,
      ),
      ...(body && changedSettings(job, body, context.settings)),
    });
    return beginRun({ jobId, scope: 'retry', body, headers, createdBy, access }, prepare, context);
  },
);

/** The selected repositories that did not complete. Throws ConflictError if there is nothing to run again. */
async function namesToRetry(
  { jobId, status, counts, settings }: JobRow,
  { selected, isPicked }: { selected: readonly string[] | undefined; isPicked: boolean },
  context: Context,
): Promise<string[] | undefined> {
  if (!selected) {
    if (settings.judge) await refuseRejectedOnly(jobId, context);
    if (counts.total === 0 || counts.completed < counts.total) return undefined;
    // The counts are those of the run; a user may have marked the job and its repositories as failed since.
    if (status === 'failed' && (await hasIncomplete(jobId, context))) return undefined;
    throw new ConflictError(
      `All repositories of the job ${jobId} completed, so there is nothing to retry. POST /jobs/${jobId}/pull-requests opens missing pull requests.`,
    );
  }
  const leaveRejected = !isPicked && settings.judge !== undefined;
  const again = await incompleteOf(jobId, selected, context, { leaveRejected });
  if (again.length > 0) return again;
  throw new ConflictError(
    selected.length === 0
      ? `No repository of the job ${jobId} matches, so there is nothing to retry. GET /jobs/${jobId}/rows shows what each came to.`
      : `The ${selected.length} selected repositories of the job ${jobId} completed${leaveRejected ? ', or were rejected by the judge' : ''}, so there is nothing to retry.`,
  );
}

/** What the judge rejected is not run again unless it is picked, so there may be nothing else. */
async function refuseRejectedOnly(jobId: string, context: Context): Promise<void> {
  const names = await repositoryNames(jobId, context);
  const rows = await context.repositories.getMany(jobId, names, ['repositoryName', 'status', 'judgement']);
  const incomplete = rows.filter(({ status }) => status !== 'completed');
  if (incomplete.length === 0 || !incomplete.every(isRejected)) return;
  throw new ConflictError(
    `The judge rejected what the job ${jobId} has left (${incomplete.length} repositories), so nothing is run again. Name them in repositories to run them again.`,
  );
}

async function hasIncomplete(jobId: string, context: Context): Promise<boolean> {
  return (await incompleteOf(jobId, await repositoryNames(jobId, context), context)).length > 0;
}

/** Those of the names whose repositories did not complete, or have no row. */
async function incompleteOf(
  jobId: string,
  names: readonly string[],
  { repositories }: Context,
  { leaveRejected = false }: { leaveRejected?: boolean } = {},
): Promise<string[]> {
  const rows = await repositories.getMany(jobId, names, ['repositoryName', 'status', 'judgement']);
  const done = rows.filter((row) => row.status === 'completed' || (leaveRejected && isRejected(row)));
  const isDone = new Set(done.map(({ repositoryName }) => repositoryName));
  return names.filter((name) => !isDone.has(name));
}

function isRejected({ judgement }: Readable<Pick<RepositoryResult, 'judgement'>>): boolean {
  return judgement?.decision === 'reject';
}
