import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRow } from '../../core/job.ts';
import { minimumCachedTokens } from '../../core/models.ts';
import type { JobControl } from '../../core/store/job-control.ts';
import type { Log } from '../log.ts';
import { tokensOfBytes } from './tokens.ts';

/** Fewer repositories save too few cache writes to be worth the wait. */
const MIN_REPOSITORIES = 4;
/** An answer begins within seconds. If the worker with the claim dies, the claim expires after this time. */
const MAX_WAIT_MS = 20_000;
const POLL_MS = 200;

/**
 * Lets one of the workers that start together make its first request alone. It writes the shared prefix to the prompt
 * cache, and the others read it from there once its answer has begun. Workers wait at most 20 seconds, and not at all in
 * jobs of few repositories or with a prefix too short to be cached. This only saves money: if the job's control item
 * cannot be read or written, the worker continues without waiting.
 */
export class SharedPrefix {
  readonly #job: JobRow;
  readonly #control: JobControl;
  readonly #claimer: string;
  readonly #isWorthIt: boolean;
  readonly #log: Log;
  #claimed = false;
  /** The updates for the other workers, which `recorded` waits for at the end. */
  #recording: Promise<void> = Promise.resolve();

  /** `bytes` is the size of the shared prefix, `model` the model's name at its provider. */
  constructor(
    job: JobRow,
    control: JobControl,
    by: { repositoryName: string; model: string; bytes: number; log: Log },
  ) {
    this.#job = job;
    this.#log = by.log;
    this.#control = control;
    this.#claimer = by.repositoryName;
    const minimum = minimumCachedTokens(by.model);
    this.#isWorthIt =
      Math.min(job.counts.total, job.maxConcurrency) >= MIN_REPOSITORIES &&
      minimum !== undefined &&
      tokensOfBytes(by.bytes) >= minimum;
  }

  /** Waits before a conversation's first request. Rejects only with the signal's reason. */
  async ready(signal: AbortSignal): Promise<void> {
    if (!this.#isWorthIt) return;
    try {
      await this.#waitForOthers(signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#warn(error);
    }
  }

  async #waitForOthers(signal: AbortSignal): Promise<void> {
    const { jobId, run } = this.#job;
    for (const began = Date.now(); Date.now() - began < MAX_WAIT_MS; ) {
      const { isWarm, claimedUntil } = await this.#control.sharedPrefix(jobId, run, this.#claimer);
      if (isWarm) return;
      if (claimedUntil <= Date.now()) {
        const at = Date.now();
        const until = at + MAX_WAIT_MS;
        this.#claimed = await this.#control.claimSharedPrefix(jobId, this.#claimer, { at, until });
        if (this.#claimed) return;
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** Call when an answer begins. */
  readonly begun = (): void => {
    if (!this.#claimed) return;
    this.#claimed = false;
    this.#record(this.#control.markSharedPrefix(this.#job.jobId, this.#job.run));
  };

  /** Call when the first request has ended. If no answer began, another worker may claim the prefix. */
  over(): void {
    if (!this.#claimed) return;
    this.#claimed = false;
    this.#record(this.#control.releaseSharedPrefix(this.#job.jobId, this.#claimer));
  }

  /** Resolves when the updates for the other workers are written, or have failed. */
  async recorded(): Promise<void> {
    await this.#recording;
  }

  #record(written: Promise<void>): void {
    const before = this.#recording;
    this.#recording = written.catch((error: unknown) => this.#warn(error)).then(() => before);
  }

  #warn(error: unknown): void {
    this.#log.warn(`Workers do not wait for the job's shared prefix: ${(error as Error).message}`);
  }
}
