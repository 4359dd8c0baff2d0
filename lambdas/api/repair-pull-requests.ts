import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { JobId, type JobRow, ShownJob } from '../../core/job.ts';
import type { Context } from '../context.ts';
import { REPAIR_INSTRUCTION } from '../run/begin-repair.ts';
import { mayNeedRepair, REPAIRABLE_ATTRIBUTES, withoutLimit } from '../run/repairable.ts';
import { repositoryNames } from '../run/rows.ts';
import { beginRun } from './begin-run.ts';
import { BUDGET, changedSettings, refuseCapOfOthers } from './budget.ts';
import { route } from './route.ts';
import { isOneSelection, ONE_SELECTION, SELECTION, selectedNames } from './selection.ts';
import { touchableNames } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });
const body = z
  .strictObject({ ...SELECTION, ...BUDGET })
  .refine(isOneSelection, ONE_SELECTION)
  .optional();

/** Revises pull requests whose checks fail, as a job with `pullRequest.repair` does by itself, and beyond its rounds. */
export const repairPullRequests = route(
  'POST',
  '/jobs/{jobId}/repair',
  {
    role: 'runner',
    summary: 'Revises the pull requests whose checks fail, by what failed, as the next run of the job.',
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
    const prepare = async (job: JobRow) => ({
      ...{ kind: 'repair' as const, action: 'revise' as const, asked: true as const },
      instruction: REPAIR_INSTRUCTION,
      selection: await namesToRepair(job, await selectedNames(jobId, body, context, mine), context),
      ...changedSettings(job, body ?? {}, context.settings),
    });
    return beginRun({ jobId, scope: 'repair', body, headers, createdBy, access }, prepare, context);
  },
);

/** Those whose checks failed when GitHub was last asked, and that no person rejected. Throws ConflictError if there are none. */
async function namesToRepair(
  job: JobRow,
  selected: readonly string[] | undefined,
  context: Context,
): Promise<string[]> {
  const names = selected ?? (await repositoryNames(job.jobId, context));
  const rows = await context.repositories.getMany(job.jobId, names, REPAIRABLE_ATTRIBUTES);
  const failing = rows.filter((row) => mayNeedRepair(row, withoutLimit(job)));
  const decisions =
    failing.length > 0 ? await context.reviews.decisions(job.jobId, context.artifacts) : undefined;
  const due = failing.filter((row) => decisions?.of(row) !== 'reject');
  if (due.length > 0) return due.map(({ repositoryName }) => repositoryName).sort();
  throw new ConflictError(
    names.length === 0
      ? `No repository of the job ${job.jobId} matches, so there is nothing to repair. GET /jobs/${job.jobId}/pull-requests shows its pull requests.`
      : `None of the ${names.length} repositories has an open pull request of this job whose checks fail, whose newest commit is the job's own, and whose change is not rejected. GET /jobs/${job.jobId}/pull-requests shows each as GitHub had it when it was last asked.`,
  );
}
