import {
  BatchClient,
  CancelJobCommand,
  DescribeJobsCommand,
  type JobDetail,
  type JobStatus,
  type JobSummary,
  paginateListJobs,
  SubmitJobCommand,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { z } from 'zod';
import { InvalidInputError } from './errors.ts';

/**
 * The name of a job of AWS Batch, as SubmitJob takes it:
 * https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitJob.html
 */
export const BatchJobName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/, {
  error: ({ input }) =>
    `received ${JSON.stringify(input)}, expected 1 to 128 letters, digits, "-" and "_", the first of which is a letter or digit`,
});

export type BatchJobRequest = {
  /** Fits `BatchJobName`; names need not be unique. */
  jobName: string;
  /** Name or ARN. */
  jobQueue: string;
  /** `name`, `name:revision` or the ARN. */
  jobDefinition: string;
  /** Replaces the job definition's command. With the environment at most 8,192 characters as JSON (a quota of ECS). */
  command?: readonly string[];
  /** Fill the `Ref::name` arguments of the command, and override the job definition's defaults. */
  parameters?: Record<string, string>;
  /** Added to the job definition's. Names may not start with `AWS_BATCH`. Visible to all who may describe jobs. */
  environment?: Record<string, string>;
  /**
   * 1 to 10. Replaces the job definition's whole retry strategy, its evaluateOnExit rules included.
   * @default - the job definition's retry strategy
   */
  attempts?: number;
  /**
   * The most seconds of one attempt, 60 or more. An attempt that exceeds it is ended and not retried.
   * @default - the job definition's timeout
   */
  attemptDurationSeconds?: number;
  /** At most 50. */
  tags?: Record<string, string>;
};

/** The answer of SubmitJob. */
export type SubmittedBatchJob = { jobId: string; jobName: string; jobArn: string };

// https://docs.aws.amazon.com/batch/latest/APIReference/API_DescribeJobs.html
const MAX_JOBS_PER_DESCRIBE = 100;

/** Whether a job of this status has ended: its status does not change again. */
export function isBatchJobEnded(status: JobStatus | undefined): status is 'SUCCEEDED' | 'FAILED' {
  return status === 'SUCCEEDED' || status === 'FAILED';
}

/**
 * Jobs of AWS Batch: submit, describe, list and end. The client takes its region, credentials and endpoint from the
 * environment (`AWS_ENDPOINT_URL_BATCH` is the local Batch) and retries when it is throttled. Its errors pass unchanged:
 * `ClientException` (the request is invalid), `ServerException`.
 */
export class BatchJobs {
  readonly #client: BatchClient;

  constructor(client: BatchClient = new BatchClient({})) {
    this.#client = client;
  }

  /** Submits a job; an account may do so 50 times a second. Throws InvalidInputError for an invalid name. */
  async submitJob(request: BatchJobRequest): Promise<SubmittedBatchJob> {
    const { command, environment, attempts, attemptDurationSeconds } = request;
    const { jobId, jobName, jobArn } = await this.#client.send(
      new SubmitJobCommand({
        jobName: requireJobName('jobName', request.jobName),
        jobQueue: request.jobQueue,
        jobDefinition: request.jobDefinition,
        parameters: request.parameters,
        containerOverrides: (command || environment) && {
          command: command && [...command],
          environment: environment && Object.entries(environment).map(([name, value]) => ({ name, value })),
        },
        retryStrategy: attempts === undefined ? undefined : { attempts },
        timeout: attemptDurationSeconds === undefined ? undefined : { attemptDurationSeconds },
        tags: request.tags,
      }),
    );
    return { jobId: jobId!, jobName: jobName!, jobArn: jobArn! };
  }

  /** Returns undefined if Batch does not know the job: it forgets jobs 7 days after they ended. */
  async describeJob(jobId: string): Promise<JobDetail | undefined> {
    const [job] = await this.describeJobs([jobId]);
    return job;
  }

  /** The jobs that Batch knows, by calls of at most 100 identifiers each. */
  async describeJobs(jobIds: readonly string[]): Promise<JobDetail[]> {
    const details: JobDetail[] = [];
    for (let start = 0; start < jobIds.length; start += MAX_JOBS_PER_DESCRIBE) {
      const jobs = jobIds.slice(start, start + MAX_JOBS_PER_DESCRIBE);
      const answer = await this.#client.send(new DescribeJobsCommand({ jobs }));
      details.push(...(answer.jobs ?? []));
    }
    return details;
  }

  /**
   * The jobs of any status whose names start with `namePrefix`, newest first, read in pages of at most 100 as the caller
   * iterates. Throws InvalidInputError for a prefix that no name can have, and for an empty one, which would match all.
   */
  async *listJobs(query: {
    jobQueue: string;
    namePrefix: string;
  }): AsyncGenerator<JobSummary, void, undefined> {
    const namePrefix = requireJobName('namePrefix', query.namePrefix);
    const pages = paginateListJobs(
      { client: this.#client },
      { jobQueue: query.jobQueue, filters: [{ name: 'JOB_NAME', values: [`${namePrefix}*`] }] },
    );
    for await (const page of pages) {
      for (const job of page.jobSummaryList ?? []) {
        // The API's filter ignores case, and the caller may end these jobs.
        if (job.jobName?.startsWith(namePrefix)) yield job;
      }
    }
  }

  /**
   * Ends a job of any status; it becomes FAILED with `reason` (at most 1,024 characters) and is not retried. A running
   * job gets SIGTERM, and SIGKILL 30 s later, so it is still RUNNING when this returns. An ended job does not change.
   */
  async terminateJob(jobId: string, reason: string): Promise<void> {
    await this.#client.send(new TerminateJobCommand({ jobId, reason }));
  }

  /** Ends a job that has not started, as `terminateJob` does. A started job continues, and no error is thrown. */
  async cancelJob(jobId: string, reason: string): Promise<void> {
    await this.#client.send(new CancelJobCommand({ jobId, reason }));
  }
}

function requireJobName(field: string, value: string): string {
  const { error } = BatchJobName.safeParse(value);
  if (!error) return value;
  const message = error.issues.map((issue) => issue.message).join('; ');
  throw new InvalidInputError(`${field}: ${message}.`, {
    field,
    received: value,
    expected: 'a Batch job name',
  });
}
