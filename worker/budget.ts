import { ConflictError } from '../core/errors.ts';
import type { JobRow } from '../core/job.ts';
import type { JobTable } from '../core/job-table.ts';
import { costOfRequest, maxCostOfRequest } from '../core/models.ts';
import { addCosts, addTokens, type TokenUsage } from '../core/usage.ts';
import type { ConversationState } from './conversation-state.ts';
import { ConversationEnded, limitEnding } from './ending.ts';

/** English and code come to about four bytes a token. */
const BYTES_A_TOKEN = 4;
/** What a turn that calls a tool usually stays under; an answer's own limit would be sixty times as much. */
const USUAL_OUTPUT_TOKENS = 1024;

export function tokensOfBytes(bytes: number): number {
  return Math.ceil(bytes / BYTES_A_TOKEN);
}

/** What one repository may spend, and its part in what the whole job may spend. */
export class Budget {
  readonly #job: JobRow;
  readonly #jobs: JobTable;
  readonly #state: ConversationState;
  readonly #model: string;

  /** `model` is what calls are priced by before they are made: as its provider knows it. */
  constructor(job: JobRow, jobs: JobTable, state: ConversationState, model: string) {
    this.#job = job;
    this.#jobs = jobs;
    this.#state = state;
    this.#model = model;
  }

  /** Throws ConversationEnded where a limit of the repository is reached. Time is kept by a signal. */
  check(): void {
    const { settings } = this.#job;
    if (this.#state.turns.length >= settings.maxTurns)
      throw new ConversationEnded(limitEnding('maxTurns', settings));
    if ((this.#state.costUsd ?? 0) >= settings.maxCostUsd)
      throw new ConversationEnded(limitEnding('maxCost', settings));
  }

  readonly spend = (model: string, usage: TokenUsage): void => {
    const cost = costOfRequest(model, usage);
    this.#state.model = model;
    this.#state.tokenUsage = addTokens(this.#state.tokenUsage, usage);
    this.#state.costUsd = addCosts(this.#state.costUsd, cost);
  };

  /**
   * Makes a call with its estimated cost reserved of the job's cap, and settles what it came to. Throws
   * ConversationEnded where it does not fit. A model without a known price reserves nothing.
   */
  async within<T>(promptBytes: number, maxTokens: number, call: () => Promise<T>): Promise<T> {
    const { jobId, maxCostUsd } = this.#job;
    const estimate = this.#outputEstimate(maxTokens);
    const reserved = maxCostOfRequest(this.#model, tokensOfBytes(promptBytes), estimate);
    if (reserved === undefined) return call();
    if (!(await this.#jobs.reserve(jobId, reserved, maxCostUsd))) await this.#refused();
    const before = this.#state.costUsd;
    try {
      return await call();
    } finally {
      const after = this.#state.costUsd;
      // Where the answer came from a model without a price, the estimate is what stays.
      if (before !== undefined && after !== undefined)
        await this.#jobs.settle(jobId, reserved, after - before);
    }
  }

  /**
   * Twice the longest answer so far, and the usual one at least: reserving `max_tokens` would refuse the first call of
   * every small cap. A longer answer passes the cap by its own excess, which settling then records.
   */
  #outputEstimate(maxTokens: number): number {
    const longest = Math.max(0, ...this.#state.turns.map(({ tokenUsage }) => tokenUsage.output));
    return Math.min(maxTokens, Math.max(USUAL_OUTPUT_TOKENS, 2 * longest));
  }

  async #refused(): Promise<never> {
    const { jobId, run, settings } = this.#job;
    if ((await this.#jobs.stoppedBy(jobId)) === 'cancelled')
      throw new ConflictError(`The job ${jobId} was cancelled; nothing more was asked of the model.`);
    await this.#jobs.stop(jobId, run, 'jobCost');
    throw new ConversationEnded(limitEnding('jobCost', settings));
  }
}
