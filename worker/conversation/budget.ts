import { setTimeout as sleep } from 'node:timers/promises';
import { ConflictError, JobStoppedError } from '../../core/errors.ts';
import type { JobRow } from '../../core/job.ts';
import { costOfRequest, hasOwnPrice, maxCostOfRequest, type OwnPrices } from '../../core/models.ts';
import type { JobControl, Settlement } from '../../core/store/job-control.ts';
import { addCosts, addTokens, NO_TOKENS, type TokenUsage } from '../../core/usage.ts';
import type { Spend } from '../claude/model.ts';
import { tokensOfBytes } from '../claude/tokens.ts';
import type { Log } from '../log.ts';
import { ConversationEnded, limitReached } from './conclusion.ts';
import type { ConversationState } from './conversation-state.ts';

/** Most answers that call a tool are shorter. The limit of an answer is sixty times as high. */
const USUAL_OUTPUT_TOKENS = 1024;
/** The API caches for five minutes. One minute less, because the request follows the reservation. */
const CACHED_MS = 4 * 60_000;
/** After this wait for the settlements of other workers, the job's cap counts as used up. */
const MAX_WAIT_MS = 60_000;
const [MIN_PAUSE_MS, MAX_PAUSE_MS] = [500, 3000];

export type BudgetOptions = {
  job: JobRow;
  repositoryName: string;
  control: JobControl;
  state: ConversationState;
  /** The model's name at its provider, which the cost of a request is estimated with. */
  model: string;
  log: Log;
  /** The operator's own prices (MODEL_PRICES). */
  prices: OwnPrices;
  /** Ends a wait. */
  signal: AbortSignal;
};

/** Enforces the cost limits of the repository and of the whole job. */
export class Budget {
  readonly #options: BudgetOptions;
  /** The last request's. The next reservation settles it, because nothing may be awaited before an answer is saved. */
  #unsettled: Settlement | undefined;
  /** The time of the last answer, whose prompt is in the cache since. */
  #answeredAt = 0;

  constructor(options: BudgetOptions) {
    this.#options = options;
  }

  /** Throws ConversationEnded if the repository's limit of turns or cost is reached. A signal enforces the time limit. */
  check(): void {
    const { job, state } = this.#options;
    const { settings } = job;
    if (state.turns.length >= settings.maxTurns)
      throw new ConversationEnded(limitReached('maxTurns', settings));
    this.checkCost();
  }

  /** Throws ConversationEnded if the repository's limit of cost is reached. */
  checkCost(): void {
    const { job, state } = this.#options;
    const { settings } = job;
    if ((state.costUsd ?? 0) >= settings.maxCostUsd)
      throw new ConversationEnded(limitReached('maxCost', settings));
  }

  readonly spend = (model: string, usage: TokenUsage): void => {
    this.#spend(this.#options.model, model, usage);
    this.#options.state.model = model;
  };

  /** Adds an answer of the judge to the repository's usage and to the judge's part of it. */
  spendOnJudge(asked: string): Spend {
    return (model, usage) => {
      const { state } = this.#options;
      const cost = this.#spend(asked, model, usage);
      const { rounds = [], tokenUsage = NO_TOKENS, costUsd = 0 } = state.judgements ?? {};
      const isPriced = state.judgements === undefined || state.judgements.costUsd !== undefined;
      state.judgements = {
        rounds,
        model,
        tokenUsage: addTokens(tokenUsage, usage),
        costUsd: isPriced ? addCosts(costUsd, cost) : undefined,
      };
    };
  }

  /** Adds an answer to the repository's usage, and returns its cost. */
  #spend(asked: string, model: string, usage: TokenUsage): number | undefined {
    const { state, prices } = this.#options;
    // A gateway bills its own price for the requested model, even if the answer names another one.
    const cost = costOfRequest(hasOwnPrice(asked, prices) ? asked : model, usage, prices);
    state.tokenUsage = addTokens(state.tokenUsage, usage);
    state.costUsd = addCosts(state.costUsd, cost);
    this.#options.log.measure({
      values: {
        InputTokens: usage.input,
        OutputTokens: usage.output,
        CacheWriteTokens: usage.cacheCreation,
        CacheReadTokens: usage.cacheRead,
        CostUsd: cost,
      },
      about: { jobId: this.#options.job.jobId, repositoryName: this.#options.repositoryName, model },
    });
    return cost;
  }

  /**
   * Makes a request with its estimated cost reserved from the job's cap. Resolves with the request; its real cost is settled
   * with the next reservation. Throws ConversationEnded if the cap is used up. Models without a known price reserve
   * nothing. `judge` is the judge's model, if the request is for it: nothing of its prompt counts as cached.
   */
  async within<T>(
    promptBytes: number,
    maxTokens: number,
    call: () => Promise<T>,
    judge?: string,
  ): Promise<T> {
    const { state } = this.#options;
    const tokens = tokensOfBytes(promptBytes);
    const reservedUsd = judge
      ? this.#estimateOf(judge, tokens, 0, maxTokens)
      : this.#estimate(tokens, maxTokens);
    if (reservedUsd === undefined) return call();
    await this.#reserve(reservedUsd);
    const before = state.costUsd;
    try {
      return await call();
    } finally {
      const after = state.costUsd;
      // If the answering model has no price, the estimate stays reserved.
      if (before !== undefined && after !== undefined)
        this.#unsettled = { reservedUsd, spentUsd: after - before };
      if (!judge) this.#answeredAt = Date.now();
    }
  }

  /** Settles the last request. If that fails, its estimate stays reserved until the end of the run. */
  async settle(): Promise<void> {
    const { job, control, log } = this.#options;
    const unsettled = this.#unsettled;
    if (!unsettled) return;
    this.#unsettled = undefined;
    try {
      await control.settle(job.jobId, unsettled);
    } catch (error) {
      log.warn(`The cost of the last request could not be settled: ${(error as Error).message}`);
    }
  }

  /** Returns undefined if the model's price is unknown. */
  #estimate(promptTokens: number, maxTokens: number): number | undefined {
    const { model, state } = this.#options;
    const last = state.turns.at(-1)?.tokenUsage;
    const isCached =
      last && last.cacheCreation + last.cacheRead > 0 && Date.now() - this.#answeredAt < CACHED_MS;
    const cached = isCached ? last.input + last.cacheCreation + last.cacheRead : 0;
    return this.#estimateOf(model, promptTokens, cached, maxTokens);
  }

  #estimateOf(model: string, tokens: number, cached: number, maxTokens: number): number | undefined {
    const { prices } = this.#options;
    return maxCostOfRequest(model, { tokens, cached }, this.#outputEstimate(maxTokens), prices);
  }

  /**
   * Twice the longest answer so far, but at least a usual one. Reserving `max_tokens` would refuse the first request of
   * every small cap. A longer answer exceeds the cap, and settling records its full cost.
   */
  #outputEstimate(maxTokens: number): number {
    const longest = Math.max(0, ...this.#options.state.turns.map(({ tokenUsage }) => tokenUsage.output));
    return Math.min(maxTokens, Math.max(USUAL_OUTPUT_TOKENS, 2 * longest));
  }

  /**
   * Waits for room under the job's cap. Other workers reserve more than their requests will cost, so a reservation may fit
   * once they settle, unless the cost spent so far leaves too little.
   */
  async #reserve(usd: number): Promise<void> {
    const { job, control, log, signal } = this.#options;
    const { jobId, run, maxCostUsd, settings } = job;
    const began = Date.now();
    let isWaiting = false;
    for (let pauseMs = MIN_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, 2 * pauseMs)) {
      if (await control.reserve(jobId, usd, maxCostUsd, this.#unsettled)) {
        this.#unsettled = undefined;
        return;
      }
      // While it waits, this worker must not hold a reservation that others could use.
      await this.settle();
      const { stoppedBy, stoppedBecause, spentUsd } = await control.get(jobId);
      if (stoppedBy === 'cancelled' || stoppedBy === 'deleted')
        throw new ConflictError(
          `The job ${jobId} was ${stoppedBy}; no further requests were sent to the model.`,
        );
      if (stoppedBy === 'modelRefused')
        throw new JobStoppedError(`The job was stopped: ${stoppedBecause ?? 'the model refused it.'}`);
      const isHopeless = spentUsd + usd > maxCostUsd || Date.now() - began > MAX_WAIT_MS;
      if (stoppedBy || isHopeless) {
        await control.stop(jobId, run, 'jobCost');
        throw new ConversationEnded(limitReached('jobCost', settings));
      }
      if (!isWaiting)
        log.info(
          "waiting for requests of other repositories to release their reservations of the job's maxCostUsd",
        );
      isWaiting = true;
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal });
    }
  }
}
