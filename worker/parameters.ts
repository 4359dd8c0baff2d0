import { z } from 'zod';
import { SettingsError } from '../core/errors.ts';
import { JobId, RepositoryName } from '../core/job.ts';
import type { Settings } from '../core/settings.ts';

const Parameters = z.object({ jobId: JobId, repositoryName: RepositoryName });

export type WorkerParameters = z.infer<typeof Parameters> & {
  /** Where they come from, for the log. */
  source: 'arguments' | 'Batch job' | 'environment';
};

/**
 * What to work on: from the arguments, else from the parameters of the Batch job that this process is, else from
 * JOB_ID and REPOSITORY_NAME. Throws SettingsError where none says it.
 */
export async function readParameters(
  args: readonly string[],
  settings: Pick<Settings, 'AWS_BATCH_JOB_ID' | 'JOB_ID' | 'REPOSITORY_NAME'>,
): Promise<WorkerParameters> {
  const [jobId, repositoryName] = args;
  if (args.length > 0) return check({ jobId, repositoryName }, 'arguments');
  if (settings.AWS_BATCH_JOB_ID) {
    // Loaded on demand: what has arguments does not pay for the client.
    const { BatchJobs } = await import('../core/batch.ts');
    const job = await new BatchJobs().describeJob(settings.AWS_BATCH_JOB_ID);
    if (job?.parameters?.jobId) return check(job.parameters, 'Batch job');
  }
  return check({ jobId: settings.JOB_ID, repositoryName: settings.REPOSITORY_NAME }, 'environment');
}

function check(given: unknown, source: WorkerParameters['source']): WorkerParameters {
  const parsed = Parameters.safeParse(given);
  if (parsed.success) return { ...parsed.data, source };
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new SettingsError(
    `The worker does not know what to work on. Received from the ${source}: ${JSON.stringify(given)} (${faults}). Give <jobId> <owner/name> as arguments, as parameters of the Batch job, or as JOB_ID and REPOSITORY_NAME.`,
  );
}
