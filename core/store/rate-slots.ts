import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import type { Settings } from '../settings.ts';
import { updateWhere } from './conditional-write.ts';
import { readItem } from './stored.ts';
import { rateSlotKey } from './tables.ts';

const HOUR_MS = 3_600_000;
const DAY_SECONDS = 86_400;

/** The last time that JavaScript can represent, less the day that the item outlives it. */
const LAST_MOMENT = 8.64e15 - DAY_SECONDS * 1000;
const Moment = z.number().min(0).max(LAST_MOMENT);

/** The item of a rate limiter: the next free slot, and the time of its writer's clock. Epoch milliseconds. */
const Pace = z.object({ nextSlotMs: Moment, setAtMs: Moment });
type Pace = z.infer<typeof Pace>;

/** Clocks of functions differ by seconds; one that is further ahead was wrong. */
const CLOCK_SKEW_MS = 60_000;

/** Times at which GitHub may be written to: one item of the jobs table for each rate limiter (a credential, a job). */
export class RateSlots {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
  }

  /** Reserves the next free slot under `perHour` by one compare-and-set, and returns it in epoch milliseconds. */
  async reserve(limiter: string, perHour: number, nowMs: number): Promise<number> {
    const intervalMs = Math.ceil(HOUR_MS / perHour);
    for (;;) {
      const last = await this.#read(limiter);
      const slot = Math.max(nowMs, nextSlotOf(last, nowMs));
      if (await this.#move(limiter, last, { nextSlotMs: slot + intervalMs, setAtMs: nowMs })) return slot;
    }
  }

  /** Gives no slot before `untilMs`, the time that GitHub asks clients to wait for. */
  async blockUntil(limiter: string, untilMs: number, nowMs: number): Promise<void> {
    for (;;) {
      const last = await this.#read(limiter);
      if (nextSlotOf(last, nowMs) >= untilMs) return;
      if (await this.#move(limiter, last, { nextSlotMs: untilMs, setAtMs: nowMs })) return;
    }
  }

  /** When the next slot is free. Returns undefined if the limiter has none reserved. */
  async nextSlot(limiter: string, nowMs: number): Promise<number | undefined> {
    const at = nextSlotOf(await this.#read(limiter), nowMs);
    return at > nowMs ? at : undefined;
  }

  /**
   * Frees the slots that are reserved, if the next one is still `lastMs`. Pull requests that wait for slots of theirs go on
   * waiting; the next one to ask gets a slot at once.
   */
  async clear(limiter: string, lastMs: number, nowMs: number): Promise<boolean> {
    const last = await this.#read(limiter);
    if (nextSlotOf(last, nowMs) !== lastMs) return false;
    return this.#move(limiter, last, { nextSlotMs: nowMs, setAtMs: nowMs });
  }

  async #read(limiter: string): Promise<Partial<Pace> | undefined> {
    const Key = { jobId: rateSlotKey(limiter) };
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key, ConsistentRead: true }),
    );
    return Item && readItem(Pace, Item, { fallbacks: {} });
  }

  #move(limiter: string, last: Partial<Pace> | undefined, next: Pace): Promise<boolean> {
    const isFirst = last?.nextSlotMs === undefined;
    const item = { TableName: this.#table, Key: { jobId: rateSlotKey(limiter) } };
    return updateWhere(this.#client, item, {
      set: { ...next, expiresAt: Math.ceil(next.nextSlotMs / 1000) + DAY_SECONDS },
      // A value that is not a time, after an edit by hand, counts as absent, so that it delays nothing.
      condition: isFirst
        ? 'attribute_not_exists(nextSlotMs) OR NOT (nextSlotMs BETWEEN :first AND :last)'
        : 'nextSlotMs = :last',
      values: isFirst ? { ':first': 0, ':last': LAST_MOMENT } : { ':last': last.nextSlotMs },
    });
  }
}

/**
 * A slot that a clock ahead of ours wrote is moved back by the difference: reserved slots stay reserved, and no caller
 * waits for the time that the clock was ahead.
 */
function nextSlotOf(pace: Partial<Pace> | undefined, nowMs: number): number {
  const { nextSlotMs = 0, setAtMs = nowMs } = pace ?? {};
  return setAtMs > nowMs + CLOCK_SKEW_MS ? nextSlotMs - (setAtMs - nowMs) : nextSlotMs;
}
