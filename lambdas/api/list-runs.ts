import { z } from 'zod';
import { InvalidInputError } from '../../core/errors.ts';
import { JobId, type JobRow } from '../../core/job.ts';
import { RunRecord } from '../../core/run-record.ts';
import { RunRequest } from '../../core/run-request.ts';
import { findRunRequest } from '../../core/store/run-requests.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';
import { readRecord } from '../run/run-record.ts';
import { route } from './route.ts';
import { touchableNames } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });
const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().optional(),
  /** `text`: also the prompt, the settings and the names that the request had. */
  include: z.enum(['text']).optional(),
});

const RunText = RunRequest.pick({
  prompt: true,
  settings: true,
  selection: true,
  publishAs: true,
  operation: true,
  instruction: true,
}).partial();

const RunList = z.object({
  jobId: z.string(),
  runs: z.array(RunRecord.extend(RunText.shape)),
  /** Absent on the last page. */
  cursor: z.string().optional(),
});

/** The runs of a job with what each was asked for, how it ended and what it cost; the newest first. */
export const listRuns = route(
  'GET',
  '/jobs/{jobId}/runs',
  {
    role: 'viewer',
    summary: 'The runs of a job, newest first: what each was asked for, how it ended and what it cost.',
    params,
    query,
    isFiltered: true,
    hasETag: true,
    responses: { 200: RunList },
  },
  async ({ params: { jobId }, query: { limit, cursor, include }, access, createdBy }, context) => {
    const mine = await touchableNames(jobId, { access, createdBy }, context);
    const job = await context.jobs.get(jobId);
    const newest = cursor === undefined ? job.run : runOfCursor(cursor, job.run);
    const numbers = Array.from({ length: Math.min(limit, newest) }, (_, i) => newest - i);
    const runs = await Promise.all(numbers.map((run) => showRun(job, run, include === 'text', context)));
    const shown = mine ? runs.map((run) => withoutOthers(run, new Set(mine))) : runs;
    const oldest = newest - numbers.length;
    return { json: { jobId, runs: shown, ...(oldest > 0 && { cursor: String(oldest) }) } };
  },
);

type ShownRun = z.infer<typeof RunList>['runs'][number];

/** A run for a caller who may not touch all of the job: without sums of all repositories, and the names of others. */
function withoutOthers(
  { counts: _, tokenUsage: __, costUsd: ___, selected: ____, error: _____, ...run }: ShownRun,
  mine: ReadonlySet<string>,
): ShownRun {
  return { ...run, ...(run.selection && { selection: run.selection.filter((name) => mine.has(name)) }) };
}

async function showRun(job: JobRow, run: number, withText: boolean, context: Context): Promise<ShownRun> {
  const record = await readRecord(job, run, context);
  if (!withText) return record;
  const { request } = record;
  const asked = await findRunRequest(context.artifacts, { jobId: job.jobId, request }, setAside);
  return { ...record, ...(asked && RunText.parse(asked)) };
}

/** The number of the run at which the page begins. */
function runOfCursor(cursor: string, newest: number): number {
  const run = /^[1-9]\d{0,8}$/.test(cursor) ? Number(cursor) : 0;
  if (run >= 1 && run < newest) return run;
  throw new InvalidInputError('The cursor was not made by this API for this job.', {
    field: 'cursor',
    received: cursor,
    expected: 'the cursor of the page before',
  });
}
