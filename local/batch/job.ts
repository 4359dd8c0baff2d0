import type { AttemptDetail, EvaluateOnExit, JobDetail, JobStatus, JobSummary } from '@aws-sdk/client-batch';
import type { Attempt } from './attempt.ts';
import { type LocalJobDefinition, substituteParameters } from './job-definition.ts';
import type { SubmitJobRequest } from './requests.ts';

// There is no account, but programs parse the form.
const ARN_PREFIX = 'arn:aws:batch:us-east-1:000000000000';

export function batchArn(
  type: 'job' | 'job-queue' | 'job-definition' | 'compute-environment',
  name: string,
): string {
  return `${ARN_PREFIX}:${type}/${name}`;
}

export type Job = {
  /** The number of the submission, which orders lists and marks where a page continues. */
  readonly sequence: number;
  readonly jobId: string;
  readonly jobName: string;
  readonly definition: LocalJobDefinition;
  /** With the placeholders replaced. */
  readonly command: string[];
  readonly parameters: Record<string, string>;
  readonly environment: Record<string, string>;
  readonly maxAttempts: number;
  readonly evaluateOnExit: EvaluateOnExit[] | undefined;
  readonly attemptDurationSeconds: number;
  readonly tags: Record<string, string>;
  readonly createdAt: number;
  readonly attempts: AttemptDetail[];
  status: JobStatus;
  statusReason?: string;
  startedAt?: number;
  stoppedAt?: number;
  logStreamName?: string;
  /** The running attempt. */
  attempt?: Attempt;
  /** The request that ended the job, if there was one. */
  endedBy?: { operation: 'CancelJob' | 'TerminateJob'; reason: string };
};

export function newJob(
  request: SubmitJobRequest,
  definition: LocalJobDefinition,
  identity: Pick<Job, 'sequence' | 'jobId'>,
): Job {
  const parameters = { ...definition.parameters, ...request.parameters };
  const overrides = request.containerOverrides;
  // A strategy of the job replaces the whole strategy of the definition.
  const retryStrategy = request.retryStrategy ?? definition;
  return {
    ...identity,
    jobName: request.jobName,
    definition,
    command: substituteParameters(overrides?.command ?? definition.command, parameters),
    parameters,
    environment: Object.fromEntries((overrides?.environment ?? []).map(({ name, value }) => [name, value])),
    maxAttempts: retryStrategy.attempts ?? 1,
    evaluateOnExit: retryStrategy.evaluateOnExit,
    attemptDurationSeconds: request.timeout?.attemptDurationSeconds ?? definition.timeoutSeconds,
    tags: request.tags ?? {},
    createdAt: Date.now(),
    attempts: [],
    status: 'SUBMITTED',
  };
}

/** A job as DescribeJobs shows it. */
export function describeJob(job: Job, jobQueue: string): JobDetail {
  const { definition } = job;
  const lastAttempt = job.attempts.at(-1)?.container;
  return {
    jobArn: batchArn('job', job.jobId),
    jobId: job.jobId,
    jobName: job.jobName,
    jobQueue: batchArn('job-queue', jobQueue),
    jobDefinition: batchArn('job-definition', `${definition.name}:1`),
    status: job.status,
    statusReason: job.statusReason,
    createdAt: job.createdAt,
    startedAt: job.startedAt,
    stoppedAt: job.stoppedAt,
    attempts: [...job.attempts],
    retryStrategy: { attempts: job.maxAttempts, evaluateOnExit: job.evaluateOnExit ?? [] },
    timeout: { attemptDurationSeconds: job.attemptDurationSeconds },
    dependsOn: [],
    parameters: job.parameters,
    tags: job.tags,
    container: {
      command: job.command,
      environment: keyValuePairs({ ...definition.environment, ...job.environment }),
      secrets: secretNames(definition),
      exitCode: lastAttempt?.exitCode,
      reason: lastAttempt?.reason,
      logStreamName: job.logStreamName,
    },
    isCancelled: job.endedBy?.operation === 'CancelJob',
    isTerminated: job.endedBy?.operation === 'TerminateJob',
  };
}

/** A job as ListJobs shows it. */
export function summarizeJob(job: Job): JobSummary {
  const { exitCode, reason } = job.attempts.at(-1)?.container ?? {};
  return {
    jobArn: batchArn('job', job.jobId),
    jobId: job.jobId,
    jobName: job.jobName,
    jobDefinition: batchArn('job-definition', `${job.definition.name}:1`),
    status: job.status,
    statusReason: job.statusReason,
    createdAt: job.createdAt,
    startedAt: job.startedAt,
    stoppedAt: job.stoppedAt,
    container: { exitCode, reason },
  };
}

export function keyValuePairs(record: Record<string, string>): { name: string; value: string }[] {
  return Object.entries(record).map(([name, value]) => ({ name, value }));
}

/** Shows the names only. On AWS valueFrom has the secret's ARN; here there is none. */
export function secretNames(definition: LocalJobDefinition): { name: string; valueFrom: string }[] {
  return Object.keys(definition.secrets ?? {}).map((name) => ({ name, valueFrom: 'local' }));
}
