import { z } from 'zod';
import { ConflictError } from '../../core/errors.ts';
import { JobId, JobRequest, type JobRow, ShownJob } from '../../core/job.ts';
import { beginRun } from './begin-run.ts';
import { changedSettings } from './budget.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });
const body = z
  .strictObject({
    /** Replaces the prompt, for the repositories of this run. */
    prompt: JobRequest.shape.prompt.optional(),
    /** Replaces those of the job's settings that it has. */
    settings: JobRequest.shape.settings,
    /** The cap of the whole job, over all runs. */
    maxCostUsd: JobRequest.shape.maxCostUsd,
    /** Also works on the sample again. */
    redo: z.literal(true).optional(),
  })
  .optional();

/** Analyses the repositories that a job holds back behind its sample, as the next run of the job. */
export const continueJob = route(
  'POST',
  '/jobs/{jobId}/continue',
  {
    role: 'runner',
    summary: 'Runs the repositories that were held back behind a sample, as the next run of the job.',
    params,
    body,
    isIdempotent: true,
    responses: { 202: ShownJob, 200: ShownJob },
    problems: [409],
  },
  async ({ params: { jobId }, body = {}, headers, createdBy, access }, context) => {
    const { prompt, redo } = body;
    const prepare = async (job: JobRow) => {
      if (!job.held) {
        throw new ConflictError(
          `The job ${jobId} holds no repositories back, so there is nothing to continue. POST /jobs/${jobId}/retry runs again what failed.`,
        );
      }
      return {
        ...{ kind: 'continue' as const, action: 'analyze' as const },
        ...(prompt !== undefined && { prompt }),
        ...(redo && { redo }),
        ...changedSettings(job, body, context.settings),
      };
    };
    return beginRun({ jobId, scope: 'continue', body, headers, createdBy, access }, prepare, context);
  },
);
