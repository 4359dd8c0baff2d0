import {
  type BatchClient,
  BatchServiceException,
  DescribeJobsCommand,
  type JobDetail,
  SubmitJobCommand,
  type SubmitJobCommandInput,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import type { Integration } from '../integrations.ts';
import type { Json, JsonObject } from '../payload.ts';
import { StateError } from '../state-error.ts';

/** Fields whose keys are the user's own and keep their case. */
const USER_KEYED = new Set(['parameters', 'tags', 'options', 'labels']);

/** Step Functions spells the API's field names in PascalCase, in both directions. */
function recase(value: unknown, recaseKey: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((element) => recase(element, recaseKey));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      recaseKey(key),
      USER_KEYED.has(camelCase(key)) ? field : recase(field, recaseKey),
    ]),
  );
}

const camelCase = (key: string): string => key.charAt(0).toLowerCase() + key.slice(1);
const pascalCase = (key: string): string => key.charAt(0).toUpperCase() + key.slice(1);

/** The service's name for the error where it has one that ends in Exception, else the names AWS falls back to. */
function batchError(error: unknown): StateError {
  if (error instanceof StateError) return error;
  if (!(error instanceof BatchServiceException)) {
    return new StateError('Batch.SdkClientException', error instanceof Error ? error.message : String(error));
  }
  const name = error.name.endsWith('Exception') ? error.name : 'AWSBatchException';
  const { httpStatusCode, requestId } = error.$metadata;
  return new StateError(
    `Batch.${name}`,
    `${error.message} (Service: Batch, Status Code: ${httpStatusCode}, Request ID: ${requestId})`,
  );
}

function hasEnded(job: JobDetail): boolean {
  return job.status === 'SUCCEEDED' || job.status === 'FAILED';
}

/** Submits jobs and waits for their ends, which Batch tells through one subscription. */
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
   * The ended job's detail. SubmitJob is never aborted, because a job whose id is unknown could not be terminated;
   * when `signal` aborts afterwards, the job is terminated, as Step Functions does.
   */
  async run(
    input: SubmitJobCommandInput,
    signal: AbortSignal,
    submitted: (output: Json) => void,
  ): Promise<JobDetail> {
    const { $metadata: _, ...output } = await this.#client.send(new SubmitJobCommand(input));
    const jobId = output.jobId ?? '';
    try {
      submitted(recase(output, pascalCase) as Json);
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
    // A job can end before this process has its id, and its event found nobody waiting.
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
    // Best effort, as on AWS: the job may have ended, or Batch may be gone when everything closes.
    await this.#client.send(new TerminateJobCommand({ jobId, reason })).catch(() => undefined);
  }
}

export const batchSubmitJobSync: Integration = {
  resourceType: 'batch',
  resource: 'submitJob.sync',
  required: ['JobName', 'JobQueue', 'JobDefinition'],
  optional: [
    'ContainerOverrides',
    'DependsOn',
    'Parameters',
    'PropagateTags',
    'RetryStrategy',
    'SchedulingPriorityOverride',
    'ShareIdentifier',
    'Tags',
    'Timeout',
  ],
  async run(parameters, { services, signal, submitted }) {
    const input = recase(parameters, camelCase) as SubmitJobCommandInput;
    const job = await services.batch.run(input, signal, submitted).catch((error) => {
      throw batchError(error);
    });
    const detail = recase(job, pascalCase) as JsonObject;
    if (job.status === 'FAILED') throw new StateError('States.TaskFailed', JSON.stringify(detail));
    return detail;
  },
};
