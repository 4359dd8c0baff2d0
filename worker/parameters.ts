import { z } from 'zod';
import { describeError, SettingsError, sentence } from '../core/errors.ts';
import { JobId, RepositoryName } from '../core/job.ts';
import type { Settings } from '../core/settings.ts';
import type { Log } from './log.ts';

const Parameters = z.object({ jobId: JobId, repositoryName: RepositoryName });

export type WorkerParameters = z.infer<typeof Parameters> & {
  /** Where they come from, for the log. */
  source: 'arguments' | 'Batch job' | 'environment';
};

/**
 * What to work on: from the arguments, else from the parameters of the Batch job that this process is, else from
 * JOB_ID and REPOSITORY_NAME. An argument `Ref::name` is what Batch leaves of a parameter that a submission did not give.
 * Throws SettingsError where none says it.
 */
export async function readParameters(
  args: readonly string[],
  settings: Pick<Settings, 'AWS_BATCH_JOB_ID' | 'JOB_ID' | 'REPOSITORY_NAME'>,
  log: Pick<Log, 'warn'>,
): Promise<WorkerParameters> {
  const [jobId, repositoryName] = args.map((arg) => (arg.startsWith('Ref::') ? undefined : arg));
  if (jobId !== undefined || repositoryName !== undefined)
    return check({ jobId, repositoryName }, 'arguments');
  const { AWS_BATCH_JOB_ID, JOB_ID, REPOSITORY_NAME } = settings;
  const parameters = AWS_BATCH_JOB_ID && (await parametersOfBatchJob(AWS_BATCH_JOB_ID, log));
  if (parameters && (parameters.jobId || parameters.repositoryName)) return check(parameters, 'Batch job');
  return check({ jobId: JOB_ID, repositoryName: REPOSITORY_NAME }, 'environment');
}

/** Undefined where Batch cannot be asked, or knows no such job: the environment may say it all the same. */
async function parametersOfBatchJob(
  batchJobId: string,
  log: Pick<Log, 'warn'>,
): Promise<Record<string, string> | undefined> {
  // Loaded on demand: what has arguments does not pay for the client.
  const { BatchJobs } = await import('../core/batch.ts');
  try {
    return (await new BatchJobs().describeJob(batchJobId))?.parameters;
  } catch (error) {
    const { name, message } = describeError(error);
    log.warn(
      `DescribeJobs of ${batchJobId} failed, so JOB_ID and REPOSITORY_NAME are read instead. ${sentence(`${name}: ${message}`)} The worker's role needs batch:DescribeJobs, and a way to Batch's endpoint.`,
    );
    return undefined;
  }
}

function check(given: unknown, source: WorkerParameters['source']): WorkerParameters {
  const parsed = Parameters.safeParse(given);
  if (parsed.success) return { ...parsed.data, source };
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new SettingsError(
    `The worker does not know what to work on. The ${source} said ${JSON.stringify(given)} (${faults}). Submit the Batch job with --parameters jobId=JOB_ID,repositoryName=OWNER/NAME, or set JOB_ID and REPOSITORY_NAME in its environment; one Batch job works on one repository of a job that POST /jobs has made.`,
  );
}
