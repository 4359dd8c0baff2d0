import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchClient,
  CancelJobCommand,
  DescribeJobsCommand,
  type JobDetail,
  type JobSummary,
  ListJobsCommand,
  type ListJobsCommandInput,
  SubmitJobCommand,
  type SubmitJobCommandInput,
  type SubmitJobResponse,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { type CallOptions, call, callOnce } from './calls.ts';
import { type BatchConfig, faultsOf, parseBatchConfig } from './config.ts';
import { BatchConfigurationError, BatchNotFoundError, BatchSubmissionError } from './errors.ts';
import { type JobQuery, nameFilter, nameTest } from './job-query.ts';
import { BatchJobRequest } from './job-request.ts';
import { isBatchJobEnded, STATUSES_IN_ORDER } from './job-status.ts';
import { isOfSubmission, markSubmission } from './submission.ts';

export type { JobDetail, JobStatus, JobSummary } from '@aws-sdk/client-batch';
export type { BatchConfig, BatchLogger } from './config.ts';
export * from './errors.ts';
export type { JobQuery } from './job-query.ts';
export type { BatchJobRequest } from './job-request.ts';
export { isBatchJobEnded } from './job-status.ts';

/** The answer of SubmitJob. */
export type SubmittedBatchJob = { jobId: string; jobName: string; jobArn: string };

export type WaitOptions = {
  /** @default - no limit */
  timeoutSeconds?: number;
  /** @default 5 */
  pollSeconds?: number;
  /** Ends the wait; `waitForJobs` then throws its reason. */
  signal?: AbortSignal;
  /** Called after each look at the jobs, with what has ended so far. */
  onProgress?: (progress: WaitProgress) => void;
};
export type WaitProgress = { ended: JobDetail[]; unfinished: JobDetail[] };

// https://docs.aws.amazon.com/batch/latest/APIReference/API_DescribeJobs.html
const MAX_JOBS_PER_DESCRIBE = 100;

/**
 * Jobs of AWS Batch: submit, describe, list, wait for and end. It knows nothing of what the jobs do. Calls that are throttled or
 * not answered are tried again with jitter, and throw a BatchError whose class says what to do (docs/batch.md).
 */
export class BatchService {
  readonly #client: BatchClient;
  readonly #config: ReturnType<typeof parseBatchConfig>;
  readonly #calls: CallOptions;

  /** Throws BatchConfigurationError. Makes no call. */
  constructor(config: BatchConfig = {}) {
    this.#config = parseBatchConfig(config);
    const { region, endpoint, tries, logger } = this.#config;
    // The SDK would repeat a SubmitJob whose answer is lost.
    this.#client = new BatchClient({ region, endpoint, maxAttempts: 1 });
    this.#calls = { tries, logger };
  }

  /**
   * Submits a job; an account may do so 50 times a second. Throws BatchSubmissionError if the request is invalid or Batch refuses
   * it.
   */
  async submitJob(request: BatchJobRequest): Promise<SubmittedBatchJob> {
    const input = this.#submission(request);
    const submitted = await callOnce<SubmitJobResponse>(
      'SubmitJob',
      {
        send: () => this.#client.send(new SubmitJobCommand(input)),
        find: () => this.#findSubmitted(input),
        whereToLook: `jobs named ${input.jobName} in ${input.jobQueue}`,
      },
      this.#calls,
    );
    const { jobId, jobName, jobArn } = submitted;
    this.#config.logger?.info('A Batch job was submitted', { jobId, jobName });
    return { jobId: jobId!, jobName: jobName!, jobArn: jobArn! };
  }

  /** The whole detail of a job. Throws BatchNotFoundError if Batch does not know it. */
  async getJobStatus(jobId: string): Promise<JobDetail> {
    const [job] = await this.describeJobs([jobId]);
    if (job) return job;
    throw new BatchNotFoundError(
      `Batch does not know the job ${jobId}. Check its ID and the region; Batch forgets jobs 7 days after they ended`,
      { operation: 'DescribeJobs', received: jobId },
    );
  }

  /** The jobs that Batch knows, by calls of at most 100 identifiers each. */
  async describeJobs(jobIds: readonly string[]): Promise<JobDetail[]> {
    const details: JobDetail[] = [];
    for (let start = 0; start < jobIds.length; start += MAX_JOBS_PER_DESCRIBE) {
      const jobs = jobIds.slice(start, start + MAX_JOBS_PER_DESCRIBE);
      const describe = () => this.#client.send(new DescribeJobsCommand({ jobs }));
      const answer = await call('DescribeJobs', describe, this.#calls);
      details.push(...(answer.jobs ?? []));
    }
    return details;
  }

  /**
   * The jobs of a queue: all, or those of a status, a name or a prefix. Read in pages of at most 100 as the caller iterates, each
   * job once. A job that is retried while all are listed may be left out, because its status goes back.
   */
  async *listJobs(query: JobQuery = {}): AsyncGenerator<JobSummary, void, undefined> {
    const { status } = query;
    const jobQueue = this.#required('jobQueue', query.jobQueue, 'ListJobs');
    const filters = nameFilter(query);
    if (filters) {
      const isNamed = nameTest(query);
      // The API's filter ignores case and the status, and the caller may end these jobs.
      for await (const job of this.#list({ jobQueue, filters }))
        if (isNamed(job.jobName ?? '') && (status === undefined || job.status === status)) yield job;
      return;
    }
    const seen = new Set<string>();
    // Without a status, ListJobs has running jobs alone. In the order of a job's life, so that none passes by unseen.
    for (const jobStatus of status ? [status] : STATUSES_IN_ORDER) {
      for await (const job of this.#list({ jobQueue, jobStatus })) {
        if (seen.has(job.jobId!)) continue;
        seen.add(job.jobId!);
        yield job;
      }
    }
  }

  /**
   * Ends a job of any status; it becomes FAILED with `reason` (at most 1,024 characters) and is not retried. A running
   * job gets SIGTERM, and SIGKILL 30 s later, so it is still RUNNING when this returns. An ended job does not change.
   */
  async terminateJob(jobId: string, reason: string): Promise<void> {
    const terminate = () => this.#client.send(new TerminateJobCommand({ jobId, reason }));
    await call('TerminateJob', terminate, this.#calls);
    this.#config.logger?.info('A Batch job is being terminated', { jobId, reason });
  }

  /** Ends a job that has not started, as `terminateJob` does. A started job continues, and no error is thrown. */
  async cancelJob(jobId: string, reason: string): Promise<void> {
    const cancel = () => this.#client.send(new CancelJobCommand({ jobId, reason }));
    await call('CancelJob', cancel, this.#calls);
    this.#config.logger?.info('A Batch job is being cancelled', { jobId, reason });
  }

  /** Waits until the jobs have ended, or for the given time. Jobs that Batch does not know are left out of the answer. */
  async waitForJobs(jobIds: readonly string[], options: WaitOptions = {}): Promise<WaitProgress> {
    const { timeoutSeconds = Number.POSITIVE_INFINITY, pollSeconds = 5, signal, onProgress } = options;
    const deadline = Date.now() + timeoutSeconds * 1000;
    const ended: JobDetail[] = [];
    let waiting = jobIds;
    for (;;) {
      signal?.throwIfAborted();
      const jobs = await this.describeJobs(waiting);
      ended.push(...jobs.filter(({ status }) => isBatchJobEnded(status)));
      const unfinished = jobs.filter(({ status }) => !isBatchJobEnded(status));
      waiting = unfinished.map(({ jobId }) => jobId!);
      onProgress?.({ ended: [...ended], unfinished });
      if (waiting.length === 0 || Date.now() >= deadline) return { ended, unfinished };
      await sleep(Math.min(pollSeconds * 1000, deadline - Date.now()), undefined, { signal });
    }
  }

  #submission(request: BatchJobRequest): SubmitJobCommandInput {
    const { data, error } = BatchJobRequest.safeParse(request);
    if (error)
      throw new BatchSubmissionError(`The request is invalid: ${faultsOf(error)}. No job was started`, {
        operation: 'SubmitJob',
        field: error.issues[0]?.path.join('.') ?? '',
        received: request.jobName,
        cause: error,
      });
    const { jobBaseName } = this.#config;
    const generated = jobBaseName && `${jobBaseName}-${randomUUID()}`;
    const { jobName = generated, command, environment, timeoutSeconds } = data;
    const { attempts = this.#config.attempts } = data;
    return {
      jobName: this.#required('jobName', jobName, 'SubmitJob'),
      jobQueue: this.#required('jobQueue', data.jobQueue, 'SubmitJob'),
      jobDefinition: this.#required('jobDefinition', data.jobDefinition, 'SubmitJob'),
      parameters: markSubmission(data.parameters),
      containerOverrides: (command || environment) && {
        command: command && [...command],
        environment: environment && Object.entries(environment).map(([name, value]) => ({ name, value })),
      },
      retryStrategy: attempts === undefined ? undefined : { attempts },
      timeout: timeoutSeconds === undefined ? undefined : { attemptDurationSeconds: timeoutSeconds },
      tags: data.tags,
    };
  }

  /** The value of the request, else that of the configuration. */
  #required(
    field: 'jobName' | 'jobQueue' | 'jobDefinition',
    given: string | undefined,
    operation: string,
  ): string {
    const value = given ?? (field === 'jobName' ? undefined : this.#config[field]);
    if (value !== undefined) return value;
    const setting = field === 'jobName' ? 'jobBaseName' : field;
    throw new BatchConfigurationError(
      `${field} is missing. Give it with the call, or ${setting} in the configuration`,
      { operation, field },
    );
  }

  /** The job that a request has started whose answer was lost. */
  async #findSubmitted(input: SubmitJobCommandInput): Promise<JobDetail | undefined> {
    const { jobQueue, jobName } = input;
    const named: string[] = [];
    for await (const job of this.listJobs({ jobQueue, name: jobName })) named.push(job.jobId!);
    return (await this.describeJobs(named)).find((job) => isOfSubmission(job, input));
  }

  async *#list(input: ListJobsCommandInput): AsyncGenerator<JobSummary, void, undefined> {
    let nextToken: string | undefined;
    do {
      const list = () => this.#client.send(new ListJobsCommand({ ...input, nextToken }));
      const page = await call('ListJobs', list, this.#calls);
      yield* page.jobSummaryList ?? [];
      nextToken = page.nextToken;
    } while (nextToken);
  }
}
