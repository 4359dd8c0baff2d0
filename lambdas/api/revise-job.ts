import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { JobId, JobRequest, type JobRow, ShownJob } from '../../core/job.ts';
import { filterOf } from '../../core/repository-filter.ts';
import { Began } from '../../core/repository-result.ts';
import type { Context } from '../context.ts';
import { beginRun } from './begin-run.ts';
import { BUDGET, changedSettings, refuseCapOfOthers } from './budget.ts';
import { route } from './route.ts';
import { isOneSelection, ONE_SELECTION, SELECTION, selectedNames } from './selection.ts';
import { touchableNames } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });
const body = z
  .strictObject({
    /** What the model is told next, in each repository's own conversation. */
    instruction: JobRequest.shape.prompt,
    /** How the work begins, if it can. Without it each repository takes the cheapest way. */
    begin: Began.optional(),
    ...SELECTION,
    ...BUDGET,
  })
  .refine(isOneSelection, ONE_SELECTION)
  .refine((body) => body.repositories !== undefined || filterOf(body) !== undefined, {
    error: 'expected repositories, or some of outcome, end, errorShape, shape and kin',
    path: ['repositories'],
  });

/** Continues the work on some repositories by an instruction; a result is replaced only by one that completes. */
export const reviseJob = route(
  'POST',
  '/jobs/{jobId}/revise',
  {
    role: 'runner',
    summary: 'Continues the work on some repositories by an instruction, as the next run of the job.',
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
      ...{ kind: 'revise' as const, action: 'revise' as const, instruction: body.instruction },
      ...(body.begin && { begin: body.begin }),
      selection: await namesToRevise(jobId, (await selectedNames(jobId, body, context, mine)) ?? [], context),
      ...changedSettings(job, body, context.settings),
    });
    return beginRun({ jobId, scope: 'revise', body, headers, createdBy, access }, prepare, context);
  },
);

/** The selected repositories that have a result, or failed. Throws ConflictError if there are none. */
async function namesToRevise(
  jobId: string,
  selected: readonly string[],
  { repositories }: Context,
): Promise<string[]> {
  const rows = await repositories.getMany(jobId, selected, ['repositoryName', 'status']);
  const ended = rows.filter(({ status }) => status === 'completed' || status === 'failed');
  if (ended.length > 0) return ended.map(({ repositoryName }) => repositoryName);
  const seeRows = `GET /jobs/${jobId}/rows shows what each came to.`;
  throw new ConflictError(
    selected.length === 0
      ? `No repository of the job ${jobId} matches, so there is nothing to revise. ${seeRows}`
      : `None of the ${selected.length} selected repositories of the job ${jobId} has a result to revise. ${seeRows}`,
  );
}
