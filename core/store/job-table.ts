import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import { DamagedRowError, InvalidInputError, NotFoundError } from '../errors.ts';
import { parseExecutionName } from '../execution.ts';
import type { Counts, ErrorDescription, PullRequestCounts, Status } from '../job.ts';
import { JobRow } from '../job.ts';
import type { Settings } from '../settings.ts';
import { NO_TOKENS, type TokenUsage } from '../usage.ts';
import { type ConditionalUpdate, updateWhere } from './conditional-update.ts';
import { describeAsWritten, type Readable, readItem } from './stored.ts';
import { controlKey, ENTITY_INDEX, expiry, expiryTime, fromItem, STATUS_INDEX } from './tables.ts';

/** Why nothing of a job may start or call the model. */
export const StopReason = z.enum(['cancelled', 'deleted', 'jobCost', 'modelRefused']);
export type StopReason = z.infer<typeof StopReason>;

/** The part of a job's control item that a worker reads. */
export type JobControl = {
  stoppedBy?: StopReason | undefined;
  /** In words, where there is more to say. */
  stoppedBecause?: string | undefined;
  /** What calls that are over came to, in USD. */
  spentUsd: number;
  /** The run whose first worker has asked whether the service knows the key and the model. */
  modelCheckedInRun?: number | undefined;
  /** The last run that has analysed all of its repositories; the state machine writes it. */
  analysedInRun?: number | undefined;
};

/** The status of a tombstone while something of its job may be left; it is no job's, so that no list shows it. */
const DELETING = 'deleting';
/** Longer than an Idempotency-Key is kept, and than any function or execution can be late. */
const TOMBSTONE_DAYS = 8;

export type JobTotals = {
  counts: Counts;
  tokenUsage: TokenUsage;
  costUsd: number | undefined;
  /** Absent where no pull request was ever tried. */
  pullRequests?: PullRequestCounts | undefined;
};

/** What the Idempotency-Key of a new job stands for, with the fingerprint of the request that first carried it. */
export type IdempotencyClaim = { boundJobId: string; fingerprint: string };

/** A request that reserved a run: its Idempotency-Key, and the fingerprint of its body. */
const RunRequest = z.object({ key: z.string(), fingerprint: z.string(), run: z.int(), at: z.string() });
export type RunRequest = z.infer<typeof RunRequest>;
const RunRequests = z.array(RunRequest);

/** A row that somebody has edited may hold any status: what does not say that it has ended, or was deleted, has not. */
const NOT_ENDED = 'attribute_not_exists(deletedAt) AND NOT #status IN (:completed, :failed, :cancelled)';
const ENDS = { ':completed': 'completed', ':failed': 'failed', ':cancelled': 'cancelled' };

/** What a call had reserved of the job's cap, and what it came to, in USD. */
export type Settlement = { reservedUsd: number; spentUsd: number };

const SETTLED: Settlement = { reservedUsd: 0, spentUsd: 0 };

/** What a request says of the run that it asks for. */
export type RunToReserve = Pick<JobRow, 'action' | 'selection' | 'publishAs'>;

/** The jobs table. Every write that could race is one conditional update of one item. */
export class JobTable {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #days: number;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable' | 'RESULT_DAYS'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
    this.#days = settings.RESULT_DAYS;
  }

  /** Returns false where the job exists already, or was deleted. */
  async create(job: JobRow): Promise<boolean> {
    const expiresAt = expiry(job.createdAt, this.#days);
    const created = await this.#put({ ...job, entity: 'job', expiresAt });
    // Whatever writes the control item later would make one that never expires.
    if (created) await this.#put({ jobId: controlKey(job.jobId), expiresAt });
    return created;
  }

  /** When a job that is created at this time expires. */
  expiresAt(createdAt: string): string {
    return expiryTime(expiry(createdAt, this.#days));
  }

  /** Binds an idempotency key to a job for a day. Returns what the key is bound to: the given claim for the first caller. */
  async claimIdempotencyKey(key: string, claim: IdempotencyClaim, at: string): Promise<IdempotencyClaim> {
    const jobId = `idempotency#${key}`;
    const item = { jobId, ...claim, expiresAt: expiry(at, 1) };
    const condition = 'attribute_not_exists(jobId) OR expiresAt < :now';
    if (await this.#put(item, condition, { ':now': expiry(at, 0) })) return claim;
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId }, ConsistentRead: true }),
    );
    return Item as IdempotencyClaim;
  }

  async #put(
    item: Record<string, unknown>,
    condition = 'attribute_not_exists(jobId)',
    values?: Record<string, unknown>,
  ): Promise<boolean> {
    try {
      await this.#client.send(
        new PutCommand({
          TableName: this.#table,
          Item: item,
          ConditionExpression: condition,
          ...(values && { ExpressionAttributeValues: values }),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  /** Throws NotFoundError for an unknown job. What nobody can read of its row is in `asWritten`. */
  async get(jobId: string): Promise<Readable<JobRow>> {
    return readJob(await this.#item(jobId));
  }

  /** Undefined for a job that is unknown or deleted. */
  async find(jobId: string): Promise<Readable<JobRow> | undefined> {
    const item = await this.#find(jobId);
    return item && item.deletedAt === undefined ? readJob(item) : undefined;
  }

  async #item(jobId: string): Promise<Record<string, unknown>> {
    const item = await this.#find(jobId);
    if (item && item.deletedAt === undefined) return item;
    throw new NotFoundError(
      item ? `The job ${jobId} was deleted at ${item.deletedAt}.` : `There is no job ${jobId}.`,
      { field: 'jobId', received: jobId, expected: 'the jobId of an existing job' },
    );
  }

  async #find(jobId: string): Promise<Record<string, unknown> | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId }, ConsistentRead: true }),
    );
    return Item;
  }

  /** The job, for whoever works by what it says: throws DamagedRowError where a part of its row cannot be read. */
  async getWhole(jobId: string): Promise<JobRow> {
    const job = await this.get(jobId);
    requireWhole(job);
    return job;
  }

  /**
   * Writes what the conditions of later writes compare in the form that they compare, where somebody has written it
   * otherwise: the status, the run and the counts. Everything else stays as it is. Returns the job as it is then.
   */
  async mend(job: Readable<JobRow>): Promise<Readable<JobRow>> {
    const { jobId, asWritten = {}, updatedAt, status, run, counts } = job;
    const set = {
      ...('status' in asWritten && status !== 'unknown' && { status }),
      ...('run' in asWritten && { run }),
      ...('counts' in asWritten && { counts }),
    };
    if (Object.keys(set).length === 0) return job;
    await this.#update(jobId, {
      set,
      // Whatever the product writes meanwhile moves updatedAt, and is right.
      condition: 'updatedAt' in asWritten ? 'attribute_exists(jobId)' : 'updatedAt = :updatedAt',
      values: 'updatedAt' in asWritten ? {} : { ':updatedAt': updatedAt },
    });
    return this.get(jobId);
  }

  /** Newest first. `cursor` is what the page before gave. */
  async list(options: {
    status?: Status;
    limit: number;
    cursor?: string;
  }): Promise<{ jobs: Readable<JobRow>[]; cursor?: string }> {
    const { Items, LastEvaluatedKey } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        IndexName: options.status ? STATUS_INDEX : ENTITY_INDEX,
        KeyConditionExpression: '#key = :value',
        ExpressionAttributeNames: { '#key': options.status ? 'status' : 'entity' },
        ExpressionAttributeValues: { ':value': options.status ?? 'job' },
        ScanIndexForward: false,
        Limit: options.limit,
        ...(options.cursor && { ExclusiveStartKey: decodeCursor(options.cursor, options.status) }),
      }),
    );
    return {
      jobs: (Items ?? []).map(readJob),
      ...(LastEvaluatedKey && { cursor: encodeCursor(LastEvaluatedKey) }),
    };
  }

  /** Ends a job that is not yet ended as this run. Returns false where it already was, or where another run has it. */
  async end(
    jobId: string,
    run: number,
    end: Partial<JobTotals> & { status: 'completed' | 'failed'; at: string; error?: ErrorDescription },
  ): Promise<boolean> {
    return this.#update(jobId, {
      set: { status: end.status, completedAt: end.at, updatedAt: end.at, ...totalsOf(end), error: end.error },
      condition: `run = :run AND ${NOT_ENDED}`,
      names: { '#status': 'status' },
      values: { ':run': run, ...ENDS },
    });
  }

  /** Marks an unfinished job cancelled. Returns false where it had already ended, or where another run has it. */
  async cancel(jobId: string, run: number, at: string): Promise<boolean> {
    return this.#update(jobId, {
      set: { status: 'cancelled', cancelledAt: at, completedAt: at, updatedAt: at },
      condition: `run = :run AND ${NOT_ENDED}`,
      names: { '#status': 'status' },
      values: { ':run': run, ...ENDS },
    });
  }

  /** The job, with the requests of the last day that reserved a run of it. Throws NotFoundError for an unknown job. */
  async getWithRequests(
    jobId: string,
    at: string,
  ): Promise<{ job: Readable<JobRow>; requests: RunRequest[] }> {
    const item = await this.#item(jobId);
    const all = RunRequests.safeParse(item.requests ?? []).data ?? [];
    const aDayAgo = Date.parse(at) - 86_400_000;
    return { job: readJob(item), requests: all.filter((request) => Date.parse(request.at) > aDayAgo) };
  }

  /**
   * Reserves the next run of a job that has ended. Returns false where it has not ended, or where another request
   * reserved the run first. `selection` is the artifact that names the repositories of a publish. `requests` are those
   * that `getWithRequests` gave and the one that reserves this run: a key counts only with its reservation.
   */
  async reserveRun(
    jobId: string,
    run: number,
    { action, selection, publishAs, requests }: RunToReserve & { requests?: RunRequest[] },
    at: string,
  ): Promise<boolean> {
    return this.#update(jobId, {
      set: { status: 'pending', run: run + 1, action, selection, publishAs, requests, updatedAt: at },
      remove: [
        ...['completedAt', 'cancelledAt', 'error', 'executionArn'],
        ...(selection === undefined ? ['selection'] : []),
        ...(publishAs === undefined ? ['publishAs'] : []),
      ],
      condition: 'run = :run AND #status IN (:completed, :failed, :cancelled)',
      names: { '#status': 'status' },
      values: { ':run': run, ':completed': 'completed', ':failed': 'failed', ':cancelled': 'cancelled' },
    });
  }

  /** Lets a new run start and call the model, where what came before it was stopped. Safe to call again. */
  async openRun(jobId: string, run: number, expiresAt?: string): Promise<void> {
    await this.#update(controlKey(jobId), {
      set: { run, ...(expiresAt && { expiresAt: expiry(expiresAt, 0) }) },
      remove: ['stoppedBy', 'stoppedBecause'],
      condition: 'attribute_not_exists(run) OR run < :run',
      values: { ':run': run },
    });
  }

  async recordExecution(jobId: string, run: number, executionArn: string): Promise<void> {
    await this.#update(jobId, { set: { executionArn }, condition: 'run = :run', values: { ':run': run } });
  }

  /** Writes the counts of a job while it runs; those of an ended one were counted when it ended, and stay. */
  async recordCounts(jobId: string, run: number, counts: Counts, at: string): Promise<void> {
    await this.#update(jobId, {
      set: { counts, countedAt: at, updatedAt: at },
      condition: 'run = :run AND #status IN (:pending, :processing)',
      names: { '#status': 'status' },
      values: { ':run': run, ':pending': 'pending', ':processing': 'processing' },
    });
  }

  /**
   * Writes the totals of a job that this run ended, whatever its status; not over those of a later run, nor over ones
   * that saw more rows.
   */
  async recordTotals(jobId: string, run: number, totals: JobTotals, at: string): Promise<void> {
    await this.#update(jobId, {
      set: { ...totalsOf(totals), countedAt: at, updatedAt: at },
      condition: 'run = :run AND counts.#total <= :total',
      names: { '#total': 'total' },
      values: { ':run': run, ':total': totals.counts.total },
    });
  }

  /** Writes what has become of the pull requests of a job that has ended; its next run counts for itself. */
  async recordPullRequests(
    jobId: string,
    run: number,
    pullRequests: PullRequestCounts,
    at: string,
  ): Promise<void> {
    await this.#update(jobId, {
      set: { pullRequests, updatedAt: at },
      condition: 'run = :run AND NOT #status IN (:pending, :processing)',
      names: { '#status': 'status' },
      values: { ':run': run, ':pending': 'pending', ':processing': 'processing' },
    });
  }

  /**
   * Lets one reader count again: true for the one that moved `countedAt` from before `olderThan` to `now`, so that a
   * hundred open pages do not count a hundred times.
   */
  async claimCounting(jobId: string, olderThan: string, now: string): Promise<boolean> {
    return this.#update(jobId, {
      set: { countedAt: now },
      condition:
        'attribute_exists(jobId) AND attribute_not_exists(deletedAt) AND (attribute_not_exists(countedAt) OR countedAt < :olderThan)',
      values: { ':olderThan': olderThan },
    });
  }

  /** Lets nobody else of this run, or of one before, start or call the model. The first reason stays. */
  async stop(jobId: string, run: number, reason: StopReason, because?: string): Promise<void> {
    await this.#update(controlKey(jobId), {
      set: { stoppedBy: reason, stoppedBecause: because, run },
      condition:
        'attribute_not_exists(run) OR run < :thisRun OR (run = :thisRun AND attribute_not_exists(stoppedBy))',
      values: { ':thisRun': run },
    });
  }

  async control(jobId: string): Promise<JobControl> {
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
    return (await this.control(jobId)).stoppedBy;
  }

  /** Lets one worker of a run ask whether the service knows the key and the model: true for the first that calls this. */
  async claimModelCheck(jobId: string, run: number): Promise<boolean> {
    return this.#update(controlKey(jobId), {
      set: { modelCheckedInRun: run },
      condition: 'attribute_not_exists(modelCheckedInRun) OR modelCheckedInRun < :run',
      values: { ':run': run },
    });
  }

  /**
   * Reserves `usd` of the job's cap and settles the call before, in one conditional update, so that racing workers never
   * pass the cap together. Returns false where it does not fit or the job is stopped; then nothing is settled either.
   */
  async reserve(jobId: string, usd: number, capUsd: number, before: Settlement = SETTLED): Promise<boolean> {
    const added = usd + before.spentUsd - before.reservedUsd;
    return this.#update(controlKey(jobId), {
      add: { reservedUsd: added, ...(before.spentUsd > 0 && { spentUsd: before.spentUsd }) },
      // DynamoDB conditions know no arithmetic: what must already be under the cap is computed here.
      condition:
        'attribute_not_exists(stoppedBy) AND (attribute_not_exists(reservedUsd) OR reservedUsd <= :room)',
      values: { ':room': capUsd - added },
    });
  }

  /** Sets what a job has spent once no worker of this run is left: a lost one never settled its reservation. */
  async settleAll(jobId: string, run: number, spentUsd: number): Promise<void> {
    await this.#update(controlKey(jobId), {
      set: { reservedUsd: spentUsd, spentUsd },
      condition: 'attribute_exists(jobId) AND (attribute_not_exists(run) OR run <= :run)',
      values: { ':run': run },
    });
  }

  /** Gives back what a call was reserved and did not cost. */
  async settle(jobId: string, { reservedUsd, spentUsd }: Settlement): Promise<void> {
    await this.#update(controlKey(jobId), {
      add: { reservedUsd: spentUsd - reservedUsd, spentUsd },
      condition: 'attribute_exists(jobId)',
    });
  }

  /**
   * Whether a worker of this run has written the shared prefix to the model's cache, and until when another than
   * `reader` claims to be about to (epoch ms; 0 where none does).
   */
  async sharedPrefix(
    jobId: string,
    run: number,
    reader: string,
  ): Promise<{ isWarm: boolean; claimedUntil: number }> {
    // Read by many at once, and nothing depends on the last write: half the price, and no hot partition.
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId: controlKey(jobId) } }),
    );
    const isOthers = Item?.prefixClaimedBy !== undefined && Item.prefixClaimedBy !== reader;
    return {
      isWarm: Item?.prefixWarmInRun === run,
      claimedUntil: isOthers ? (Item.prefixClaimedUntil as number) : 0,
    };
  }

  /** Lets one worker write the shared prefix first: false where another's claim still holds. Its own it may renew. */
  async claimSharedPrefix(jobId: string, claimer: string, untilMs: number): Promise<boolean> {
    return this.#update(controlKey(jobId), {
      set: { prefixClaimedBy: claimer, prefixClaimedUntil: untilMs },
      condition:
        'attribute_not_exists(prefixClaimedBy) OR prefixClaimedBy = :claimer OR prefixClaimedUntil <= :now',
      values: { ':now': Date.now(), ':claimer': claimer },
    });
  }

  async markSharedPrefix(jobId: string, run: number): Promise<void> {
    await this.#update(controlKey(jobId), {
      set: { prefixWarmInRun: run },
      remove: ['prefixClaimedBy', 'prefixClaimedUntil'],
      condition: 'attribute_exists(jobId)',
    });
  }

  async releaseSharedPrefix(jobId: string, claimer: string): Promise<void> {
    await this.#update(controlKey(jobId), {
      remove: ['prefixClaimedBy', 'prefixClaimedUntil'],
      condition: 'prefixClaimedBy = :claimer',
      values: { ':claimer': claimer },
    });
  }

  /**
   * The next free moment under `perHour`, in epoch milliseconds, and takes it: one item for each pacer (a credential of
   * GitHub, a job), moved on by one interval in a single compare-and-set.
   */
  async takeSlot(pacer: string, perHour: number, nowMs: number): Promise<number> {
    const intervalMs = Math.ceil(3_600_000 / perHour);
    for (;;) {
      const last = await this.#pace(pacer);
      const slot = Math.max(nowMs, nextSlotOf(last, nowMs));
      if (await this.#movePace(pacer, last, { nextSlotMs: slot + intervalMs, setAtMs: nowMs })) return slot;
    }
  }

  /** Gives no moment before `untilMs`: GitHub wants to be left alone until then. */
  async holdSlots(pacer: string, untilMs: number, nowMs: number): Promise<void> {
    for (;;) {
      const last = await this.#pace(pacer);
      if (nextSlotOf(last, nowMs) >= untilMs) return;
      if (await this.#movePace(pacer, last, { nextSlotMs: untilMs, setAtMs: nowMs })) return;
    }
  }

  async #pace(pacer: string): Promise<Partial<Pace> | undefined> {
    const Key = { jobId: pacingKey(pacer) };
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key, ConsistentRead: true }),
    );
    return Item && readItem(Pace, Item, { fallbacks: {} });
  }

  #movePace(pacer: string, last: Partial<Pace> | undefined, next: Pace): Promise<boolean> {
    const isFirst = last?.nextSlotMs === undefined;
    return this.#update(pacingKey(pacer), {
      set: { ...next, expiresAt: Math.ceil(next.nextSlotMs / 1000) + 86_400 },
      // Somebody may have edited it: what is no moment counts as none, so that it holds nobody up.
      condition: isFirst
        ? 'attribute_not_exists(nextSlotMs) OR NOT (nextSlotMs BETWEEN :first AND :last)'
        : 'nextSlotMs = :last',
      values: isFirst ? { ':first': 0, ':last': LAST_MOMENT } : { ':last': last.nextSlotMs },
    });
  }

  /**
   * Turns the row of a job that has ended into a tombstone, which no retry, publish or cancel passes. Returns false where
   * the job has not ended, or where another run has it. The tombstone takes the next run's number: that run removes
   * what is left of the job.
   */
  async markDeleted(jobId: string, run: number, at: string): Promise<boolean> {
    return this.#update(jobId, {
      set: { status: DELETING, run: run + 1, deletedAt: at, expiresAt: expiry(at, TOMBSTONE_DAYS) },
      remove: ['entity', 'requests'],
      condition: 'run = :run AND #status IN (:completed, :failed, :cancelled)',
      names: { '#status': 'status' },
      values: { ':run': run, ':completed': 'completed', ':failed': 'failed', ':cancelled': 'cancelled' },
    });
  }

  /** The deletion of a job: the run that removes what is left of it, and whether it has; undefined where there is none. */
  async deletion(jobId: string): Promise<{ run: number; isDone: boolean } | undefined> {
    const item = await this.#find(jobId);
    if (item?.deletedAt === undefined) return undefined;
    return { run: item.run as number, isDone: item.status !== DELETING };
  }

  /** Jobs that were deleted and of which something may be left. */
  async *deletions(): AsyncGenerator<{ jobId: string; run: number }> {
    let from: Record<string, unknown> | undefined;
    do {
      const { Items, LastEvaluatedKey } = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: STATUS_INDEX,
          KeyConditionExpression: '#status = :deleting',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: { ':deleting': DELETING },
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      for (const { jobId, run } of Items ?? []) yield { jobId, run };
      from = LastEvaluatedKey;
    } while (from);
  }

  /**
   * Jobs whose `expiresAt` has passed, the oldest first. It looks at the `among` oldest jobs, since a setting that changed
   * lets a younger job expire before an older one.
   */
  async *expired(at: string, among: number): AsyncGenerator<string> {
    let from: Record<string, unknown> | undefined;
    let looked = 0;
    do {
      const { Items, ScannedCount, LastEvaluatedKey } = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: ENTITY_INDEX,
          KeyConditionExpression: 'entity = :job',
          FilterExpression: 'expiresAt <= :now',
          ExpressionAttributeValues: { ':job': 'job', ':now': expiry(at, 0) },
          Limit: 250,
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      for (const { jobId } of Items ?? []) yield jobId;
      looked += ScannedCount ?? 0;
      from = LastEvaluatedKey;
    } while (from && looked < among);
  }

  /** Gives a deletion whose run has failed another run. Returns false where it is done, or has one already. */
  async deleteAgain(jobId: string, run: number): Promise<boolean> {
    return this.#update(jobId, {
      set: { run: run + 1 },
      condition: 'run = :run AND #status = :deleting',
      names: { '#status': 'status' },
      values: { ':run': run, ':deleting': DELETING },
    });
  }

  /**
   * Removes what a deleted job has in this table. What stays, for some days, are its identifier, so that nothing that
   * is late makes the job anew, and a control item that lets nothing of it start.
   */
  async remove(jobId: string, run: number): Promise<void> {
    const item = await this.#find(jobId);
    if (item?.deletedAt === undefined || item.run !== run) return;
    const { deletedAt, expiresAt } = item;
    const stopped = { stoppedBy: 'deleted', run: Number.MAX_SAFE_INTEGER, expiresAt };
    await this.#client.send(
      new PutCommand({ TableName: this.#table, Item: { jobId: controlKey(jobId), ...stopped } }),
    );
    await this.#client.send(new DeleteCommand({ TableName: this.#table, Key: { jobId: pacingKey(jobId) } }));
    await this.#put({ jobId, run, deletedAt, expiresAt }, 'run = :run', { ':run': run });
  }

  async #update(jobId: string, update: ConditionalUpdate): Promise<boolean> {
    return updateWhere(this.#client, { TableName: this.#table, Key: { jobId } }, update);
  }
}

/** As far as JavaScript's time goes, less the day that the item outlives it. */
const LAST_MOMENT = 8.64e15 - 86_400_000;
const Moment = z.number().min(0).max(LAST_MOMENT);

/** A pacer's item: when its next slot is, and what the clock of whoever wrote that said. Epoch milliseconds. */
const Pace = z.object({ nextSlotMs: Moment, setAtMs: Moment });
type Pace = z.infer<typeof Pace>;

/** Clocks of functions differ by seconds; one that is further ahead was wrong. */
const CLOCK_SKEW_MS = 60_000;

/**
 * What was written by a clock that was ahead, and has been set right since, counts from now: as many slots stay taken as
 * there were, and nothing waits for the time that the clock was ahead.
 */
function nextSlotOf(pace: Partial<Pace> | undefined, nowMs: number): number {
  const { nextSlotMs = 0, setAtMs = nowMs } = pace ?? {};
  return setAtMs > nowMs + CLOCK_SKEW_MS ? nextSlotMs - (setAtMs - nowMs) : nextSlotMs;
}

function readJob(item: Record<string, unknown>): Readable<JobRow> {
  // The execution of the newest run is named on the row, by that run.
  const execution = typeof item.executionArn === 'string' ? item.executionArn.split(':').at(-1)! : '';
  return readItem(JobRow, fromItem(item), {
    fallbacks: { ...UNREADABLE_JOB, jobId: String(item.jobId), run: parseExecutionName(execution)?.run ?? 1 },
  });
}

/** What stands in a reader's hands for attributes that nobody can read; nothing works by them (`getWhole`). */
const UNREADABLE_JOB: Omit<JobRow, 'jobId' | 'status' | 'run'> = {
  name: '',
  type: '',
  maxRepositories: 0,
  maxConcurrency: 1,
  maxCostUsd: 0,
  createPullRequests: false,
  settings: {
    model: '',
    ...{ maxTurns: 1, maxCostUsd: 0, maxMinutes: 1, maxFiles: 1, maxPatchKiB: 1, shell: false },
    ...{ setup: [], verify: [], include: [], exclude: [], allowProtected: [] },
  },
  action: 'analyze',
  counts: { total: 0, pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 },
  tokenUsage: NO_TOKENS,
  createdAt: '',
  updatedAt: '',
};

/** What a run of a job works by; the rest is what came of the runs before it, or for people to read. */
const WORKED_BY: readonly (string & keyof JobRow)[] = [
  ...(['run', 'action', 'selection', 'settings', 'pullRequest', 'createPullRequests'] as const),
  ...(['maxRepositories', 'maxConcurrency', 'maxCostUsd'] as const),
];

/** Throws DamagedRowError where a part of the row cannot be read that a run of the job would work by. */
export function requireWhole(job: Readable<JobRow>): void {
  const damaged = WORKED_BY.filter((name) => name in (job.asWritten ?? {}));
  if (damaged.length === 0) return;
  const found = Object.fromEntries(damaged.map((name) => [name, job.asWritten![name]]));
  throw new DamagedRowError(
    `The row of the job ${job.jobId} holds what this version does not write (${describeAsWritten(found)}). Correct it in the jobs table, or start the job anew by POST /jobs.`,
    { field: damaged[0]!, received: found[damaged[0]!] },
  );
}

function pacingKey(pacer: string): string {
  return `pacing#${pacer}`;
}

function totalsOf({ counts, tokenUsage, costUsd, pullRequests }: Partial<JobTotals>) {
  return { counts, tokenUsage, costUsd, pullRequests };
}

function encodeCursor(key: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** The key of an item in the index that a list of this status reads, which is where a page of it goes on. */
function decodeCursor(cursor: string, status: Status | undefined): Record<string, unknown> {
  const index = status ? { status: z.literal(status) } : { entity: z.literal('job') };
  // A page may end at a row that somebody has written by hand: whatever DynamoDB takes for a key is one.
  const key = z.strictObject({ jobId: KeyText(2048), createdAt: KeyText(1024), ...index });
  const parsed = key.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  if (parsed.success) return parsed.data;
  throw new InvalidInputError('The cursor was not made by this API, or for a list of another status.', {
    field: 'cursor',
    received: cursor,
    expected: 'the cursor of the page before, with the same status',
  });
}

function KeyText(maxBytes: number) {
  return z.string().refine((text) => text !== '' && Buffer.byteLength(text) <= maxBytes);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
