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
    `received ${JSON.stringify(input)}, expected 1 to 128 letters, digits, "-" and "_", of which the first is a letter or digit`,
});

export type BatchJobRequest = {
  /** Fits `BatchJobName`; names need not be unique. */
  jobName: string;
  /** Name or ARN. */
  jobQueue: string;
  /** `name`, `name:revision` or the ARN. */
  jobDefinition: string;
  /** In place of the job definition's command. With the environment at most 8,192 characters as JSON (a quota of ECS). */
  command?: readonly string[];
  /** Fill the `Ref::name` arguments of the command, and override the job definition's defaults. */
  parameters?: Record<string, string>;
  /** On top of the job definition's. Names may not start with `AWS_BATCH`. Visible to whoever may describe jobs. */
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

/** What SubmitJob answers. */
export type SubmittedBatchJob = { jobId: string; jobName: string; jobArn: string };

// https://docs.aws.amazon.com/batch/latest/APIReference/API_DescribeJobs.html
const MAX_JOBS_PER_DESCRIBE = 100;

/** Whether a job of this status has ended: its status does not change again. */
export function isBatchJobEnded(status: JobStatus | undefined): status is 'SUCCEEDED' | 'FAILED' {
  return status === 'SUCCEEDED' || status === 'FAILED';
}

/**
 * Jobs of AWS Batch: submit, look at, list and end. The client takes its region, credentials and endpoint from the
 * environment as every AWS SDK does (`AWS_ENDPOINT_URL_BATCH` leads it to the local Batch) and retries throttling by
 * itself. Its errors pass unchanged: `ClientException` (the request is at fault), `ServerException`.
 */
export class BatchJobs {
  readonly #client: BatchClient;

  constructor(client: BatchClient = new BatchClient({})) {
    this.#client = client;
  }

  /** Submits a job; an account may do so 50 times a second. Throws InvalidInputError when the name does not fit. */
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

  /** The job, or undefined when Batch does not know it: jobs are forgotten 7 days after they ended. */
  async describeJob(jobId: string): Promise<JobDetail | undefined> {
    const [job] = await this.describeJobs([jobId]);
    return job;
  }

  /** Those of the jobs that Batch knows, by calls of at most 100 identifiers each. */
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
   * The jobs of any status whose names start with `namePrefix`, newest first, read page by page (of at most 100) as the
   * caller goes. Throws InvalidInputError when no job's name could start so; an empty prefix would mean every job.
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
        // The API's filter ignores case; what a caller is about to end must be the job that it named.
        if (job.jobName?.startsWith(namePrefix)) yield job;
      }
    }
  }

  /**
   * Ends a job of any status; it becomes FAILED with `reason` (at most 1,024 characters) and is not retried. A running
   * one gets SIGTERM, and SIGKILL 30 s later, so it is still RUNNING when this returns. An ended one stays as it is.
   */
  async terminateJob(jobId: string, reason: string): Promise<void> {
    await this.#client.send(new TerminateJobCommand({ jobId, reason }));
  }

  /** Ends a job that has not started yet, as `terminateJob` does. One that has started runs on, without an error. */
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
