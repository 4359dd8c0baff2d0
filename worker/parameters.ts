import { z } from 'zod';
import { describeError, SettingsError, sentence } from '../core/errors.ts';
import { JobId, RepositoryName } from '../core/job.ts';
import type { Settings } from '../core/settings.ts';
import type { Log } from './log.ts';

/** `run` and `from` are absent if a person submitted the Batch job. */
const Parameters = z.object({
  jobId: JobId,
  repositoryName: RepositoryName,
  run: z.coerce.number().int().min(1).optional(),
  /** The run whose conversation and patch this one continues. */
  from: z.union([z.literal('').transform(() => undefined), z.coerce.number().int().min(1)]).optional(),
});

export type WorkerParameters = z.infer<typeof Parameters> & {
  /** For the log. */
  source: 'arguments' | 'Batch job' | 'environment';
};

/**
 * Reads the job and the repository from the arguments, else from the parameters of this process's Batch job, else from
 * JOB_ID and REPOSITORY_NAME. Arguments of the form `Ref::name` are ignored: Batch passes them on if a submission lacks the
 * parameter. Throws SettingsError if none of them is set.
 */
export async function readParameters(
  args: readonly string[],
  settings: Pick<Settings, 'AWS_BATCH_JOB_ID' | 'JOB_ID' | 'REPOSITORY_NAME'>,
  log: Pick<Log, 'info' | 'warn'>,
): Promise<WorkerParameters> {
  const [jobId, repositoryName, run, from] = args.map((arg) => (arg.startsWith('Ref::') ? undefined : arg));
  if (jobId !== undefined || repositoryName !== undefined)
    return check({ jobId, repositoryName, run, from }, 'arguments');
  const { AWS_BATCH_JOB_ID, JOB_ID, REPOSITORY_NAME } = settings;
  const parameters = AWS_BATCH_JOB_ID && (await parametersOfBatchJob(AWS_BATCH_JOB_ID, log));
  if (parameters && (parameters.jobId || parameters.repositoryName)) return check(parameters, 'Batch job');
  return check({ jobId: JOB_ID, repositoryName: REPOSITORY_NAME }, 'environment');
}

/** Returns undefined if DescribeJobs fails or finds no job. The environment may still have the parameters. */
async function parametersOfBatchJob(
  batchJobId: string,
  log: Pick<Log, 'info' | 'warn'>,
): Promise<Record<string, string> | undefined> {
  // Loaded on demand: most workers have arguments and do not need the client.
  const { BatchService } = await import('../core/batch/batch-service.ts');
  try {
    const batch = new BatchService({ logger: log });
    const [job] = await batch.describeJobs([batchJobId]);
    return job?.parameters;
  } catch (error) {
    const { name, message } = describeError(error);
    log.warn(
      `DescribeJobs of ${batchJobId} failed, so JOB_ID and REPOSITORY_NAME are read instead. ${sentence(`${name}: ${message}`)} Allow the worker's role batch:DescribeJobs, and its network Batch's endpoint.`,
    );
    return undefined;
  }
}

function check(given: unknown, source: WorkerParameters['source']): WorkerParameters {
  const parsed = Parameters.safeParse(given);
  if (parsed.success) return { ...parsed.data, source };
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  throw new SettingsError(
    `The worker has no valid job and repository. The ${source} gave ${JSON.stringify(given)} (${faults}). Submit the Batch job with --parameters jobId=JOB_ID,repositoryName=OWNER/NAME, or set JOB_ID and REPOSITORY_NAME in its environment; one Batch job works on one repository of a job created by POST /jobs.`,
  );
}
