import { randomUUID } from 'node:crypto';
import type { JobStatus } from '@aws-sdk/client-batch';
import { isBatchJobEnded } from '../../core/batch/job-status.ts';
import { type AttemptEnd, startAttempt } from './attempt.ts';
import { describeJob, type Job, newJob } from './job.ts';
import type { LocalJobDefinition } from './job-definition.ts';
import type { SubmitJobRequest } from './requests.ts';
import { type AttemptFailure, isRetried } from './retry.ts';
import type { RunningChildren } from './running-children.ts';
import type { Scratch } from './scratch.ts';
import { type JobStateChangeEvent, jobStateChangeEvent } from './state-change.ts';

export type JobQueueOptions = {
  name: string;
  maxRunning: number;
  stopTimeoutSeconds: number;
  endedJobsKept: number;
  logFile: (logStreamName: string) => string;
  runningChildren: RunningChildren;
  scratch: Scratch | undefined;
  onJobStateChange: ((event: JobStateChangeEvent) => void) | undefined;
};

// The same on AWS: https://docs.aws.amazon.com/batch/latest/userguide/job_states.html
const ENDED_JOB_KEPT_MS = 7 * 24 * 3600 * 1000;

/** A first-in, first-out queue over at most `maxRunning` child processes. Jobs are kept in memory only. */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #waiting = new Set<Job>();
  readonly #running = new Map<Job, Promise<void>>();
  /** In the order in which they ended. */
  readonly #ended = new Set<Job>();
  #submissions = 0;
  #closed = false;

  constructor(options: JobQueueOptions) {
    this.#options = options;
  }

  submit(request: SubmitJobRequest, definition: LocalJobDefinition): Job {
    const identity = { sequence: ++this.#submissions, jobId: randomUUID() };
    const job = newJob(request, definition, identity);
    this.#jobs.set(job.jobId, job);
    // AWS has no event for SUBMITTED. In PENDING it would wait for the jobs that this one depends on.
    this.#enter(job, 'PENDING');
    this.#enter(job, 'RUNNABLE');
    this.#waiting.add(job);
    // Answers SubmitJob before it starts the process, which takes longer.
    setImmediate(() => this.#startNext());
    return job;
  }

  find(jobId: string): Job | undefined {
    return this.#jobs.get(jobId);
  }

  /** All remembered jobs, newest first. */
  list(): Job[] {
    return [...this.#jobs.values()].reverse();
  }

  /** Ends a waiting job. Does nothing for a job that runs, has ended or is unknown. */
  cancel(jobId: string, reason: string): void {
    const job = this.#jobs.get(jobId);
    if (job && this.#waiting.delete(job)) {
      job.endedBy = { operation: 'CancelJob', reason };
      this.#end(job, 'FAILED', reason);
    }
  }

  /** Ends a waiting or running job. Does nothing for a job that has ended or is unknown. */
  terminate(jobId: string, reason: string): void {
    const job = this.#jobs.get(jobId);
    if (!job || job.endedBy || isBatchJobEnded(job.status)) return;
    job.endedBy = { operation: 'TerminateJob', reason };
    if (this.#waiting.delete(job)) this.#end(job, 'FAILED', reason);
    else job.attempt?.stop();
  }

  /** Ends the running jobs and waits for them. Emits no events, as if the machine had gone away. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    for (const job of this.#running.keys()) job.attempt?.stop();
    await Promise.all(this.#running.values());
  }

  /** Signals the running jobs to stop without waiting, because this process exits. */
  abandon(): void {
    for (const job of this.#running.keys()) job.attempt?.stop();
  }

  #startNext(): void {
    if (this.#closed) return;
    for (const job of this.#waiting) {
      if (this.#running.size >= this.#options.maxRunning) return;
      this.#waiting.delete(job);
      const done = this.#run(job).finally(() => {
        this.#running.delete(job);
        this.#startNext();
      });
      this.#running.set(job, done);
    }
  }

  /** Runs all attempts of a job. Between them the job keeps its place ahead of the waiting jobs. */
  async #run(job: Job): Promise<void> {
    for (;;) {
      this.#enter(job, 'STARTING');
      const failure = await this.#attempt(job);
      if (!failure) return this.#end(job, 'SUCCEEDED', job.attempts.at(-1)?.statusReason);
      const retried =
        !failure.final && job.attempts.length < job.maxAttempts && isRetried(failure, job.evaluateOnExit);
      if (!retried) return this.#end(job, 'FAILED', failure.statusReason);
      this.#enter(job, 'RUNNABLE');
    }
  }

  /** Returns undefined if the attempt succeeded. `final` means that no rule may retry it. */
  async #attempt(job: Job): Promise<(AttemptFailure & { final: boolean }) | undefined> {
    const { logFile, stopTimeoutSeconds, runningChildren, scratch } = this.#options;
    const { definition } = job;
    const name = `${job.jobId}-${job.attempts.length + 1}`;
    const logStreamName = `${definition.name}/default/${name}`;
    const attempt = startAttempt({
      command: job.command,
      environment: this.#environment(job),
      scratch: definition.scratch && scratch?.of(name),
      cwd: definition.cwd,
      logFile: logFile(logStreamName),
      timeoutSeconds: job.attemptDurationSeconds,
      stopTimeoutSeconds,
      runningChildren,
    });
    const hasStarted = attempt.pid !== undefined;
    const startedAt = hasStarted ? Date.now() : undefined;
    if (hasStarted) {
      job.attempt = attempt;
      job.startedAt = startedAt;
      job.logStreamName = logStreamName;
      this.#enter(job, 'RUNNING');
    }
    const end = await attempt.ended;
    job.attempt = undefined;

    const { exitCode, reason, timedOut } = end;
    const statusReason = job.endedBy?.reason ?? endReason(end);
    job.attempts.push({
      container: { exitCode, reason, logStreamName: hasStarted ? logStreamName : undefined },
      startedAt,
      stoppedAt: Date.now(),
      statusReason,
    });
    const final = job.endedBy !== undefined || timedOut || this.#closed;
    return exitCode === 0 && !final ? undefined : { exitCode, reason, statusReason, final };
  }

  #environment(job: Job): Record<string, string> {
    const { environment, secrets } = job.definition;
    return {
      PATH: process.env.PATH ?? '',
      ...environment,
      ...secrets,
      ...job.environment,
      // https://docs.aws.amazon.com/batch/latest/userguide/job_env_vars.html
      AWS_BATCH_JOB_ID: job.jobId,
      AWS_BATCH_JOB_ATTEMPT: String(job.attempts.length + 1),
      AWS_BATCH_JQ_NAME: this.#options.name,
    };
  }

  #end(job: Job, status: 'SUCCEEDED' | 'FAILED', reason: string | undefined): void {
    job.statusReason = reason;
    job.stoppedAt = Date.now();
    this.#enter(job, status);
    this.#ended.add(job);
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    const { endedJobsKept } = this.#options;
    for (const job of this.#ended) {
      if (this.#ended.size <= endedJobsKept && job.stoppedAt! > Date.now() - ENDED_JOB_KEPT_MS) return;
      this.#ended.delete(job);
      this.#jobs.delete(job.jobId);
    }
  }

  #enter(job: Job, status: JobStatus): void {
    job.status = status;
    const { onJobStateChange, name } = this.#options;
    if (!onJobStateChange || this.#closed) return;
    // In the next tick, so that an error of the listener cannot leave a job between two states.
    process.nextTick(onJobStateChange, jobStateChangeEvent(describeJob(job, name)));
  }
}

/** The words of AWS Batch. */
function endReason({ exitCode, timedOut }: AttemptEnd): string {
  if (timedOut) return 'Job attempt duration exceeded timeout';
  return exitCode === undefined ? 'Task failed to start' : 'Essential container in task exited';
}
