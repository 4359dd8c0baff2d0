import {
  type BatchClient,
  DescribeJobsCommand,
  type JobDetail,
  SubmitJobCommand,
  type SubmitJobCommandInput,
  type SubmitJobResponse,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';

/** Submits Batch jobs and waits for them to end. One subscription to Batch's events serves all of them. */
export class BatchJobWaiter {
  readonly #client: BatchClient;
  readonly #waiting = new Map<string, (job: JobDetail) => void>();

  constructor(client: BatchClient, subscribe: (listener: (job: JobDetail) => void) => void) {
    this.#client = client;
    subscribe((job) => {
      if (job.jobId && hasEnded(job)) this.#waiting.get(job.jobId)?.(job);
    });
  }

  /**
   * Returns the ended job's detail. SubmitJob is never aborted, because a job without a known id could not be
   * terminated. If `signal` aborts afterwards, the job is terminated, as Step Functions does.
   */
  async run(
    input: SubmitJobCommandInput,
    signal: AbortSignal,
    submitted: (output: SubmitJobResponse) => void,
  ): Promise<JobDetail> {
    const { $metadata: _, ...output } = await this.#client.send(new SubmitJobCommand(input));
    const jobId = output.jobId ?? '';
    try {
      submitted(output);
      return await this.#end(jobId, signal);
    } catch (error) {
      await this.#terminate(jobId);
      throw error;
    }
  }

  async #end(jobId: string, signal: AbortSignal): Promise<JobDetail> {
    const ended = Promise.withResolvers<JobDetail>();
    const abort = () => ended.reject(new Error('The task was stopped.'));
    this.#waiting.set(jobId, ended.resolve);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    // The job may have ended before its id was known here; then its event found no entry in #waiting.
    const described = this.#client.send(new DescribeJobsCommand({ jobs: [jobId] })).then(({ jobs }) => {
      const [job] = jobs ?? [];
      if (job && hasEnded(job)) ended.resolve(job);
    });
    described.catch(ended.reject);
    try {
      return await ended.promise;
    } finally {
      this.#waiting.delete(jobId);
      signal.removeEventListener('abort', abort);
    }
  }

  async #terminate(jobId: string): Promise<void> {
    const reason = 'The Step Functions task that waits for this job was stopped.';
    // Best effort, as on AWS: the job may have ended, or Batch may have closed already.
    await this.#client.send(new TerminateJobCommand({ jobId, reason })).catch(() => undefined);
  }
}

function hasEnded(job: JobDetail): boolean {
  return job.status === 'SUCCEEDED' || job.status === 'FAILED';
}
