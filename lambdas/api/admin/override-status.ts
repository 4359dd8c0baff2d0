import { z } from 'zod';
import { ConflictError } from '../../../core/errors.ts';
import { JobId } from '../../../core/job.ts';
import type { Context } from '../../context.ts';
import { Executions } from '../../run/executions.ts';
import { mendedJob } from '../../run/mended-job.ts';
import { route } from '../route.ts';
import { audited, Done, Reason } from './audited.ts';

const params = z.strictObject({ jobId: JobId });
const End = z.enum(['completed', 'failed', 'cancelled']);
const body = z.strictObject({ status: End, reason: Reason });

/** Sets the status of a job in which nothing runs. The repositories keep theirs. */
export const overrideStatus = route(
  'POST',
  '/admin/jobs/{jobId}/status',
  {
    role: 'admin',
    summary: 'Sets the status of a job in which nothing runs; its repositories keep theirs.',
    params,
    body,
    responses: { 200: Done },
    problems: [409],
  },
  async ({ params: { jobId }, body: { status, reason }, createdBy }, context) => ({
    json: await audited(
      { action: 'overrideStatus', subject: jobId, by: createdBy, reason },
      () => override(jobId, { status, reason }, context),
      context,
    ),
  }),
);

async function override(
  jobId: string,
  { status, reason }: { status: z.infer<typeof End>; reason: string },
  context: Context,
) {
  const job = await mendedJob(jobId, context);
  // A status that no version writes is compared as it is stored.
  const was = String(job.asWritten?.status ?? job.status);
  const before = { status: was, run: job.run };
  if (was === status) {
    throw new ConflictError(`The job ${jobId} is ${status} already. Nothing was changed.`);
  }
  const execution = await new Executions(context.settings).describe(job);
  if (execution?.status === 'RUNNING') {
    throw new ConflictError(
      `Run ${job.run} of the job ${jobId} is under way, and would be lost. Cancel the job, or reset it with {"force": true}, and then set its status.`,
    );
  }
  const error =
    status === 'failed'
      ? { name: 'StatusOverriddenError', message: `An administrator set this status: ${reason}` }
      : undefined;
  // A run that starts meanwhile changes the run or the status, so that this update is refused.
  if (await context.jobs.overrideStatus(jobId, { run: job.run, was }, status, context.now(), error))
    return { before, after: { status, run: job.run } };
  throw new ConflictError(
    `The job ${jobId} has changed since it was read (run ${job.run}, ${was}). Look at it again.`,
  );
}
