import { z } from 'zod';
import { ConflictError } from '../../../core/errors.ts';
import { isRunning, JobId } from '../../../core/job.ts';
import type { Context } from '../../context.ts';
import { runningMaps, setMapConcurrency } from '../../run/map-runs.ts';
import { mendedJob } from '../../run/mended-job.ts';
import { refuseAgainstSettings } from '../refusals.ts';
import { route } from '../route.ts';
import { audited, Done, Reason } from './audited.ts';

const params = z.strictObject({ jobId: JobId });
const body = z.strictObject({ maxConcurrency: z.int().min(1).max(10_000), reason: Reason.optional() });

/** Sets how many repositories of a running job are worked on at once, in this run and in later ones. */
export const setConcurrency = route(
  'POST',
  '/admin/jobs/{jobId}/concurrency',
  {
    role: 'admin',
    summary: 'Sets how many repositories of a running job are worked on at once.',
    params,
    body,
    responses: { 200: Done },
    problems: [409],
  },
  async ({ params: { jobId }, body: { maxConcurrency, reason }, createdBy }, context) => {
    refuseAgainstSettings({ maxConcurrency }, context.settings);
    return {
      json: await audited(
        { action: 'setConcurrency', subject: jobId, by: createdBy, reason },
        () => change(jobId, maxConcurrency, context),
        context,
      ),
    };
  },
);

async function change(jobId: string, maxConcurrency: number, context: Context) {
  const { jobs, settings, now } = context;
  const job = await mendedJob(jobId, context);
  // The row first: a Map that begins between the two calls takes its number from there.
  const isChanged =
    isRunning(job.status) && (await jobs.setConcurrency(jobId, job.run, maxConcurrency, now()));
  if (!isChanged) {
    throw new ConflictError(
      `The job ${jobId} does not run. Its next run takes maxConcurrency from a new job, or set it while that run is under way.`,
    );
  }
  const maps = await runningMaps(job, settings);
  for (const { mapRunArn } of maps) await setMapConcurrency(mapRunArn, maxConcurrency);
  return {
    before: { maxConcurrency: job.maxConcurrency, ofMapRuns: maps.map((map) => map.maxConcurrency) },
    after: { maxConcurrency, mapRuns: maps.length },
  };
}
