import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError, JobStoppedError } from '../../core/errors.ts';
import type { JobRow } from '../../core/job.ts';
import { costOfRequest, hasOwnPrice, maxCostOfRequest, type OwnPrices } from '../../core/models.ts';
import type { JobControl, Settlement } from '../../core/store/job-control.ts';
import { addCosts, addTokens, type TokenUsage } from '../../core/usage.ts';
import type { Log } from '../log.ts';
import type { ConversationState } from './conversation-state.ts';
import { ConversationEnded, limitEnding } from './ending.ts';

/** English and code come to about four bytes a token. */
const BYTES_PER_TOKEN = 4;
/** What a turn that calls a tool usually stays under; an answer's own limit would be sixty times as much. */
const USUAL_OUTPUT_TOKENS = 1024;
/** The API keeps what it cached for five minutes; a minute less, since the call comes after the reservation. */
const CACHED_MS = 4 * 60_000;
/** How long other workers' calls may take to give back what they do not need, before the job's cap counts as used up. */
const LONGEST_WAIT_MS = 60_000;
const [SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS] = [500, 3000];

export function tokensOfBytes(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

export type BudgetOptions = {
  job: JobRow;
  control: JobControl;
  state: ConversationState;
  /** What calls are priced by before they are made: the model as its provider knows it. */
  model: string;
  log: Log;
  /** Of the operator's own. */
  prices: OwnPrices;
  /** Ends a wait. */
  signal: AbortSignal;
};

/** What one repository may spend, and its part in what the whole job may spend. */
export class Budget {
  readonly #options: BudgetOptions;
  /** The last call's, which the next reservation settles with it: an answer is saved before anything is awaited. */
  #unsettled: Settlement | undefined;
  /** When the last answer came, which wrote the prompt before it to the cache. */
  #answeredAt = 0;

  constructor(options: BudgetOptions) {
    this.#options = options;
  }

  /** Throws ConversationEnded where a limit of the repository is reached. Time is kept by a signal. */
  check(): void {
    const { job, state } = this.#options;
    const { settings } = job;
    if (state.turns.length >= settings.maxTurns)
      throw new ConversationEnded(limitEnding('maxTurns', settings));
    if ((state.costUsd ?? 0) >= settings.maxCostUsd)
      throw new ConversationEnded(limitEnding('maxCost', settings));
  }

  readonly spend = (model: string, usage: TokenUsage): void => {
    const { state } = this.#options;
    // A gateway bills what was asked for, by its own price, whatever the answer calls itself.
    const { prices, model: asked } = this.#options;
    const cost = costOfRequest(hasOwnPrice(asked, prices) ? asked : model, usage, prices);
    state.model = model;
    state.tokenUsage = addTokens(state.tokenUsage, usage);
    state.costUsd = addCosts(state.costUsd, cost);
  };

  /**
   * Makes a call with its estimated cost reserved of the job's cap, and resolves as soon as the call does: what it came to
   * is settled with the next reservation. Throws ConversationEnded where it does not fit. A model without a known price
   * reserves nothing.
   */
  async within<T>(promptBytes: number, maxTokens: number, call: () => Promise<T>): Promise<T> {
    const { state } = this.#options;
    const reservedUsd = this.#estimate(tokensOfBytes(promptBytes), maxTokens);
    if (reservedUsd === undefined) return call();
    await this.#reserve(reservedUsd);
    const before = state.costUsd;
    try {
      return await call();
    } finally {
      const after = state.costUsd;
      // Where the answer came from a model without a price, the estimate is what stays.
      if (before !== undefined && after !== undefined)
        this.#unsettled = { reservedUsd, spentUsd: after - before };
      this.#answeredAt = Date.now();
    }
  }

  /** Settles the last call. Where that fails, the estimate stays reserved until the run ends, which settles everything. */
  async settle(): Promise<void> {
    const { job, control, log } = this.#options;
    const unsettled = this.#unsettled;
    if (!unsettled) return;
    this.#unsettled = undefined;
    try {
      await control.settle(job.jobId, unsettled);
    } catch (error) {
      log.warn(`What the last call came to is not settled yet: ${(error as Error).message}`);
    }
  }

  /** Undefined where the model's price is not known. */
  #estimate(promptTokens: number, maxTokens: number): number | undefined {
    const { model, state } = this.#options;
    const last = state.turns.at(-1)?.tokenUsage;
    const isCached =
      last && last.cacheCreation + last.cacheRead > 0 && Date.now() - this.#answeredAt < CACHED_MS;
    const cached = isCached ? last.input + last.cacheCreation + last.cacheRead : 0;
    return maxCostOfRequest(
      model,
      { tokens: promptTokens, cached },
      this.#outputEstimate(maxTokens),
      this.#options.prices,
    );
  }

  /**
   * Twice the longest answer so far, and the usual one at least: reserving `max_tokens` would refuse the first call of
   * every small cap. A longer answer passes the cap by its own excess, which settling then records.
   */
  #outputEstimate(maxTokens: number): number {
    const longest = Math.max(0, ...this.#options.state.turns.map(({ tokenUsage }) => tokenUsage.output));
    return Math.min(maxTokens, Math.max(USUAL_OUTPUT_TOKENS, 2 * longest));
  }

  /**
   * Other workers hold more than their calls will come to, so a reservation that does not fit may fit in a while. It
   * cannot where what is spent already leaves no room for it.
   */
  async #reserve(usd: number): Promise<void> {
    const { job, control, log, signal } = this.#options;
    const { jobId, run, maxCostUsd, settings } = job;
    const began = Date.now();
    let isWaiting = false;
    for (let pauseMs = SHORTEST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
      if (await control.reserve(jobId, usd, maxCostUsd, this.#unsettled)) {
        this.#unsettled = undefined;
        return;
      }
      // What this worker holds itself is in nobody's way while it waits.
      await this.settle();
      const { stoppedBy, stoppedBecause, spentUsd } = await control.get(jobId);
      if (stoppedBy === 'cancelled' || stoppedBy === 'deleted')
        throw new ConflictError(`The job ${jobId} was ${stoppedBy}; nothing more was asked of the model.`);
      if (stoppedBy === 'modelRefused')
        throw new JobStoppedError(`The job was stopped: ${stoppedBecause ?? 'the model refused it.'}`);
      const isHopeless = spentUsd + usd > maxCostUsd || Date.now() - began > LONGEST_WAIT_MS;
      if (stoppedBy || isHopeless) {
        await control.stop(jobId, run, 'jobCost');
        throw new ConversationEnded(limitEnding('jobCost', settings));
      }
      if (!isWaiting)
        log.info(
          "waiting for calls of other repositories to give back what they hold of the job's maxCostUsd",
        );
      isWaiting = true;
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal });
    }
  }
}
