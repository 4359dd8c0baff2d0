import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRow } from '../../core/job.ts';
import { minimumCachedTokens } from '../../core/models.ts';
import type { JobControl } from '../../core/store/job-control.ts';
import { tokensOfBytes } from '../conversation/budget.ts';
import type { Log } from '../log.ts';

/** Below it the writes that are saved are not worth the wait. */
const FEWEST_REPOSITORIES = 4;
/** A first answer begins in seconds; a worker that claims and dies keeps the others no longer than this. */
const LONGEST_WAIT_MS = 20_000;
const POLL_MS = 200;

/**
 * Of workers that start together one goes ahead by the beginning of one answer, and the others read from the cache what
 * it wrote: an entry can be read once the answer that writes it has begun. Nobody waits longer than 20 s, whatever
 * becomes of the one ahead, and nobody at all in a job of a few repositories or with a prefix too short to be cached.
 * It only saves money: where the job's control item cannot be read or written, the work goes on without it.
 */
export class SharedPrefix {
  readonly #job: JobRow;
  readonly #control: JobControl;
  readonly #claimer: string;
  readonly #isWorthIt: boolean;
  readonly #log: Log;
  #claimed = false;
  /** What is being written for the others, which nobody waits for before the end. */
  #telling: Promise<void> = Promise.resolve();

  /** `bytes` is what every repository of the job sends alike; `model` as its provider knows it. */
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
      Math.min(job.counts.total, job.maxConcurrency) >= FEWEST_REPOSITORIES &&
      minimum !== undefined &&
      tokensOfBytes(by.bytes) >= minimum;
  }

  /** Before a conversation's first call. Rejects with the signal's reason, and with nothing else. */
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
    for (const began = Date.now(); Date.now() - began < LONGEST_WAIT_MS; ) {
      const { isWarm, claimedUntil } = await this.#control.sharedPrefix(jobId, run, this.#claimer);
      if (isWarm) return;
      if (claimedUntil <= Date.now()) {
        const at = Date.now();
        const until = at + LONGEST_WAIT_MS;
        this.#claimed = await this.#control.claimSharedPrefix(jobId, this.#claimer, { at, until });
        if (this.#claimed) return;
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** An answer has begun. */
  readonly begun = (): void => {
    if (!this.#claimed) return;
    this.#claimed = false;
    this.#tell(this.#control.markSharedPrefix(this.#job.jobId, this.#job.run));
  };

  /** The first call is over. Where no answer began, another worker may go ahead. */
  over(): void {
    if (!this.#claimed) return;
    this.#claimed = false;
    this.#tell(this.#control.releaseSharedPrefix(this.#job.jobId, this.#claimer));
  }

  /** Resolves when the others have been told, or cannot be. */
  async told(): Promise<void> {
    await this.#telling;
  }

  #tell(written: Promise<void>): void {
    const before = this.#telling;
    this.#telling = written.catch((error: unknown) => this.#warn(error)).then(() => before);
  }

  #warn(error: unknown): void {
    this.#log.warn(`The job's shared prefix is left to chance: ${(error as Error).message}`);
  }
}
