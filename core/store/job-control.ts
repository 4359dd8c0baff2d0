import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import type { Spending } from '../job.ts';
import type { Settings } from '../settings.ts';
import { type ConditionalUpdate, updateWhere } from './conditional-write.ts';
import { controlKey, expiry } from './tables.ts';

/** Why no work of a job may start or call the model. */
export const StopReason = z.enum(['cancelled', 'deleted', 'jobCost', 'modelRefused']);
export type StopReason = z.infer<typeof StopReason>;

/** The part of a job's control item that a worker reads. */
export type ControlState = {
  stoppedBy?: StopReason | undefined;
  /** The explanation of `modelRefused`. */
  stoppedBecause?: string | undefined;
  /** The cost of calls that have ended, in USD. */
  spentUsd: number;
  /** The run whose first worker has checked the key and the model. */
  modelCheckedInRun?: number | undefined;
  /** The last run that has analysed all of its repositories; the state machine writes it. */
  analysedInRun?: number | undefined;
};

/** The part of the job's cap that a call reserved, and its cost, in USD. */
export type Settlement = { reservedUsd: number; spentUsd: number };

const NOTHING_TO_SETTLE: Settlement = { reservedUsd: 0, spentUsd: 0 };

/** The control item of a job, in the jobs table: what its workers share while a run lasts. */
export class JobControl {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
  }

  async get(jobId: string): Promise<ControlState> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId: controlKey(jobId) }, ConsistentRead: true }),
    );
    const stoppedBy = StopReason.safeParse(Item?.stoppedBy);
    return {
      stoppedBy: stoppedBy.data,
      stoppedBecause: Item?.stoppedBecause as string | undefined,
      spentUsd: (Item?.spentUsd as number | undefined) ?? 0,
      modelCheckedInRun: Item?.modelCheckedInRun as number | undefined,
      analysedInRun: Item?.analysedInRun as number | undefined,
    };
  }

  async stoppedBy(jobId: string): Promise<StopReason | undefined> {
    return (await this.get(jobId)).stoppedBy;
  }

  /**
   * What the job's calls to the model cost so far. Returns undefined if none has reserved anything yet, or the model's
   * price is not known. Eventually consistent, for readers only.
   */
  async spending(jobId: string): Promise<Spending | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId: controlKey(jobId) } }),
    );
    if (typeof Item?.reservedUsd !== 'number') return undefined;
    const settledUsd = typeof Item.spentUsd === 'number' ? Item.spentUsd : 0;
    // The item's reservedUsd includes what is settled. Sums of floating-point numbers leave a rest such as 1e-17.
    const reservedUsd = Math.max(0, Number((Item.reservedUsd - settledUsd).toFixed(9)));
    return { settledUsd, reservedUsd };
  }

  /** Lets a new run start and call the model after an earlier run was stopped. Safe to call again. */
  async openRun(jobId: string, run: number, expiresAt?: string): Promise<void> {
    await this.#update(jobId, {
      set: { run, ...(expiresAt && { expiresAt: expiry(expiresAt, 0) }) },
      remove: ['stoppedBy', 'stoppedBecause'],
      condition: 'attribute_not_exists(run) OR run < :run',
      values: { ':run': run },
    });
  }

  /** Stops workers of this run, or of an earlier one, from starting and from calling the model. The first reason stays. */
  async stop(jobId: string, run: number, reason: StopReason, because?: string): Promise<void> {
    await this.#update(jobId, {
      set: { stoppedBy: reason, stoppedBecause: because, run },
      condition:
        'attribute_not_exists(run) OR run < :thisRun OR (run = :thisRun AND attribute_not_exists(stoppedBy))',
      values: { ':thisRun': run },
    });
  }

  /** Lets one worker of a run check the key and the model. Returns true for the first caller. */
  async claimModelCheck(jobId: string, run: number): Promise<boolean> {
    return this.#update(jobId, {
      set: { modelCheckedInRun: run },
      condition: 'attribute_not_exists(modelCheckedInRun) OR modelCheckedInRun < :run',
      values: { ':run': run },
    });
  }

  /**
   * Reserves `usd` of the job's cap and settles the call before, in one conditional update, so that racing workers
   * never pass the cap together. Returns false, and settles nothing, if it does not fit or the job is stopped.
   */
  async reserve(
    jobId: string,
    usd: number,
    capUsd: number,
    before: Settlement = NOTHING_TO_SETTLE,
  ): Promise<boolean> {
    const added = usd + before.spentUsd - before.reservedUsd;
    return this.#update(jobId, {
      add: { reservedUsd: added, ...(before.spentUsd > 0 && { spentUsd: before.spentUsd }) },
      // DynamoDB conditions have no arithmetic, so the room under the cap is computed here.
      condition:
        'attribute_not_exists(stoppedBy) AND (attribute_not_exists(reservedUsd) OR reservedUsd <= :room)',
      values: { ':room': capUsd - added },
    });
  }

  /** Returns the part of a call's reservation that it did not cost. */
  async settle(jobId: string, { reservedUsd, spentUsd }: Settlement): Promise<void> {
    await this.#update(jobId, {
      add: { reservedUsd: spentUsd - reservedUsd, spentUsd },
      condition: 'attribute_exists(jobId)',
    });
  }

  /** Sets the cost of a job after the last worker of this run ended: a lost worker never settles its reservation. */
  async settleAll(jobId: string, run: number, spentUsd: number): Promise<void> {
    await this.#update(jobId, {
      set: { reservedUsd: spentUsd, spentUsd },
      condition: 'attribute_exists(jobId) AND (attribute_not_exists(run) OR run <= :run)',
      values: { ':run': run },
    });
  }

  /**
   * Whether a worker of this run has written the shared prefix to the model's cache, and the time (epoch ms) until
   * which a worker other than `reader` claims to write it; 0 if none does.
   */
  async sharedPrefix(
    jobId: string,
    run: number,
    reader: string,
  ): Promise<{ isWarm: boolean; claimedUntil: number }> {
    // Eventually consistent: many workers read it at once, and a stale answer costs one poll.
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId: controlKey(jobId) } }),
    );
    const isOthers = Item?.prefixClaimedBy !== undefined && Item.prefixClaimedBy !== reader;
    return {
      isWarm: Item?.prefixWarmInRun === run,
      claimedUntil: isOthers ? (Item.prefixClaimedUntil as number) : 0,
    };
  }

  /**
   * Lets one worker write the shared prefix first. Returns false while another worker's claim lasts; a worker may renew
   * its claim. Times are epoch milliseconds.
   */
  async claimSharedPrefix(
    jobId: string,
    claimer: string,
    { at, until }: { at: number; until: number },
  ): Promise<boolean> {
    return this.#update(jobId, {
      set: { prefixClaimedBy: claimer, prefixClaimedUntil: until },
      condition:
        'attribute_not_exists(prefixClaimedBy) OR prefixClaimedBy = :claimer OR prefixClaimedUntil <= :now',
      values: { ':now': at, ':claimer': claimer },
    });
  }

  /** Records that the shared prefix is in the cache, and ends the claim. */
  async markSharedPrefix(jobId: string, run: number): Promise<void> {
    await this.#update(jobId, {
      set: { prefixWarmInRun: run },
      remove: ['prefixClaimedBy', 'prefixClaimedUntil'],
      condition: 'attribute_exists(jobId)',
    });
  }

  async releaseSharedPrefix(jobId: string, claimer: string): Promise<void> {
    await this.#update(jobId, {
      remove: ['prefixClaimedBy', 'prefixClaimedUntil'],
      condition: 'prefixClaimedBy = :claimer',
      values: { ':claimer': claimer },
    });
  }

  #update(jobId: string, update: ConditionalUpdate): Promise<boolean> {
    const item = { TableName: this.#table, Key: { jobId: controlKey(jobId) } };
    return updateWhere(this.#client, item, update);
  }
}
