import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
} from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import { NotFoundError } from '../errors.ts';
import type { RunId } from '../execution.ts';
import type {
  Counts,
  ErrorDescription,
  JobRow,
  JobStatus,
  PullRequestCounts,
  RevisionCounts,
  WaitingFor,
} from '../job.ts';
import type { Settings } from '../settings.ts';
import type { TokenUsage } from '../usage.ts';
import { type ConditionalUpdate, putWhere, updateWhere } from './conditional-write.ts';
import { decodeCursor, encodeCursor, keyOf } from './job-cursor.ts';
import { conditionsOf, type JobQuery, LOOKED_AT_ONCE, MAX_LOOKED_AT, wordsOf } from './job-query.ts';
import { readJob, requireWhole } from './read-job.ts';
import type { Readable } from './stored.ts';
import { controlKey, ENTITY_INDEX, expiry, expiryTime, rateSlotKey, STATUS_INDEX } from './tables.ts';

/** The status of a tombstone while items of its job may be left. It is not a status of jobs, so no list shows it. */
const DELETING = 'deleting';
/** Longer than an Idempotency-Key is kept, and than any function or execution can be late. */
const TOMBSTONE_DAYS = 8;
const DAY_MS = 86_400_000;

export type JobTotals = {
  counts: Counts;
  tokenUsage: TokenUsage;
  costUsd: number | undefined;
  /** Absent if no pull request was tried. */
  pullRequests?: PullRequestCounts | undefined;
  /** Absent if the run was no revision. */
  revisions?: RevisionCounts | undefined;
};

/** The Idempotency-Key of a request that reserved a run, and the fingerprint of its body. */
const BoundKey = z.object({ key: z.string(), fingerprint: z.string(), run: z.int(), at: z.string() });
export type BoundKey = z.infer<typeof BoundKey>;
const BoundKeys = z.array(BoundKey);

/** The attributes of a job that a request for its next run sets. */
export type RunToReserve = Pick<JobRow, 'action' | 'request'> &
  Partial<Pick<JobRow, 'settings' | 'maxCostUsd'>> & { boundKeys?: BoundKey[] };

const ENDS = { ':completed': 'completed', ':failed': 'failed', ':cancelled': 'cancelled' };
const ENDED = '#status IN (:completed, :failed, :cancelled)';
/** A row that was edited by hand may have any status; one that is not an end counts as not ended. */
const NOT_ENDED = `attribute_not_exists(deletedAt) AND NOT ${ENDED}`;
const WAITING = { ':waiting': 'waiting' };
const RUNNING = `${NOT_ENDED} AND #status <> :waiting`;
const NOT_RUNNING = `(${ENDED} OR #status = :waiting)`;

/** The rows of the jobs table. Every write that could race is one conditional update of one item. */
export class JobTable {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #days: number;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable' | 'RESULT_DAYS'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
    this.#days = settings.RESULT_DAYS;
  }

  /** Creates the job's row and control item. Returns false if the job exists already, or was deleted. */
  async create(job: JobRow): Promise<boolean> {
    const expiresAt = expiry(job.createdAt, this.#days);
    const created = await this.#putNew({ ...job, entity: 'job', words: wordsOf(job), expiresAt });
    // Without it, the first update would create a control item that never expires.
    if (created) await this.#putNew({ jobId: controlKey(job.jobId), expiresAt });
    return created;
  }

  #putNew(Item: Record<string, unknown>): Promise<boolean> {
    return putWhere(this.#client, {
      TableName: this.#table,
      Item,
      condition: 'attribute_not_exists(jobId)',
    });
  }

  /** The time at which a job that is created at `createdAt` expires. */
  expiresAt(createdAt: string): string {
    return expiryTime(expiry(createdAt, this.#days));
  }

  /** Throws NotFoundError for an unknown job. Attributes that cannot be read are in `asWritten`. */
  async get(jobId: string): Promise<Readable<JobRow>> {
    return readJob(await this.#item(jobId));
  }

  /** Returns undefined if the job is unknown or deleted. */
  async find(jobId: string): Promise<Readable<JobRow> | undefined> {
    const item = await this.#find(jobId);
    return item && item.deletedAt === undefined ? readJob(item) : undefined;
  }

  /** The job to work by. Throws DamagedRowError if an attribute that work depends on cannot be read. */
  async getWhole(jobId: string): Promise<JobRow> {
    const job = await this.get(jobId);
    requireWhole(job);
    return job;
  }

  /** The job, and the keys of the last day that reserved a run of it. Throws NotFoundError for an unknown job. */
  async getWithKeys(jobId: string, at: string): Promise<{ job: Readable<JobRow>; boundKeys: BoundKey[] }> {
    const item = await this.#item(jobId);
    const all = BoundKeys.safeParse(item.boundKeys ?? []).data ?? [];
    const dayBefore = Date.parse(at) - DAY_MS;
    return { job: readJob(item), boundKeys: all.filter((bound) => Date.parse(bound.at) > dayBefore) };
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

  /**
   * A page of jobs, newest first. It looks at no more than `MAX_LOOKED_AT` jobs, so a page of a search may be short, even
   * empty, and still have a cursor. `cursor` is the cursor of the page before.
   */
  async list(query: JobQuery): Promise<{ jobs: Readable<JobRow>[]; cursor?: string }> {
    const { limit, status } = query;
    const isSearch = query.type !== undefined || query.text !== undefined;
    const jobs: Readable<JobRow>[] = [];
    let from = query.cursor === undefined ? undefined : decodeCursor(query.cursor, query);
    for (let looked = 0; looked < MAX_LOOKED_AT; ) {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: status ? STATUS_INDEX : ENTITY_INDEX,
          ...conditionsOf(query),
          ScanIndexForward: false,
          Limit: isSearch ? LOOKED_AT_ONCE : limit,
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      const items = page.Items ?? [];
      const room = limit - jobs.length;
      jobs.push(...items.slice(0, room).map(readJob));
      if (items.length > room) return { jobs, cursor: encodeCursor(keyOf(items[room - 1]!, status)) };
      from = page.LastEvaluatedKey;
      if (!from) return { jobs };
      if (jobs.length === limit) break;
      looked += page.ScannedCount ?? 0;
    }
    return { jobs, ...(from && { cursor: encodeCursor(from) }) };
  }

  /**
   * Rewrites the status, the run and the counts in the form that conditions compare, if an edit by hand wrote them in
   * another. Returns the job after that.
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
      // Every write of the product moves updatedAt, and a newer write is right.
      condition: 'updatedAt' in asWritten ? 'attribute_exists(jobId)' : 'updatedAt = :updatedAt',
      values: 'updatedAt' in asWritten ? {} : { ':updatedAt': updatedAt },
    });
    return this.get(jobId);
  }

  /**
   * Ends the run if it is still the job's current one: the job gets `status`, or `waiting` if a person has to decide
   * something. Returns the job's status, or undefined if the run had ended, or another run has the job.
   */
  async end(
    jobId: string,
    run: number,
    end: Partial<JobTotals> & { status: 'completed' | 'failed'; at: string; error?: ErrorDescription },
  ): Promise<'completed' | 'failed' | 'waiting' | undefined> {
    const endAs = (status: JobStatus, condition: string) =>
      this.#update(jobId, {
        set: {
          status,
          completedAt: status === 'waiting' ? undefined : end.at,
          updatedAt: end.at,
          ...totalsOf(end),
          error: end.error,
        },
        condition: `run = :run AND ${RUNNING} AND ${condition}`,
        names: { '#status': 'status' },
        values: { ':run': run, ...ENDS, ...WAITING },
      });
    if (await endAs(end.status, 'attribute_not_exists(waitingFor)')) return end.status;
    if (await endAs('waiting', 'attribute_exists(waitingFor)')) return 'waiting';
    return undefined;
  }

  /** Lets the job wait for its review once its run ends, or no longer. A job that waits for its sample goes on doing that. */
  async awaitReview(jobId: string, run: number, isUndecided: boolean): Promise<void> {
    await this.#update(jobId, {
      ...(isUndecided ? { set: { waitingFor: 'review' satisfies WaitingFor } } : { remove: ['waitingFor'] }),
      condition: `run = :run AND ${isUndecided ? 'attribute_not_exists(waitingFor)' : 'waitingFor = :review'}`,
      values: { ':run': run, ...(!isUndecided && { ':review': 'review' satisfies WaitingFor }) },
    });
  }

  /** Marks a job before a decision is recorded, so that a request that is lost behind the record is finished later. */
  async beginReview(jobId: string, reviewing: { since: string; mark: string }): Promise<void> {
    await this.#update(jobId, {
      set: { reviewing },
      condition: 'attribute_exists(jobId) AND attribute_not_exists(deletedAt)',
    });
  }

  /** Removes the mark, unless a later request has marked the job. */
  async endReview(jobId: string, mark: string): Promise<void> {
    await this.#update(jobId, {
      remove: ['reviewing'],
      condition: 'reviewing.mark = :mark',
      values: { ':mark': mark },
    });
  }

  /** Ends a job's wait for its review, or lets a completed job wait for it again. Changes no job of another status. */
  async settleReview(jobId: string, run: number, isUndecided: boolean, at: string): Promise<void> {
    await this.#update(
      jobId,
      isUndecided
        ? {
            set: { status: 'waiting', waitingFor: 'review' satisfies WaitingFor, updatedAt: at },
            remove: ['completedAt'],
            condition: 'run = :run AND #status = :completed AND attribute_not_exists(waitingFor)',
            names: { '#status': 'status' },
            values: { ':run': run, ':completed': 'completed' },
          }
        : {
            set: { status: 'completed', completedAt: at, updatedAt: at },
            remove: ['waitingFor'],
            condition: 'run = :run AND #status = :waiting AND waitingFor = :review',
            names: { '#status': 'status' },
            values: { ':run': run, ...WAITING, ':review': 'review' satisfies WaitingFor },
          },
    );
  }

  /** Marks a running or waiting job as cancelled. Returns false if it had ended, or another run has it. */
  async cancel(jobId: string, run: number, at: string): Promise<boolean> {
    return this.#update(jobId, {
      set: { status: 'cancelled', cancelledAt: at, completedAt: at, updatedAt: at },
      remove: ['waitingFor'],
      condition: `run = :run AND ${NOT_ENDED}`,
      names: { '#status': 'status' },
      values: { ':run': run, ...ENDS },
    });
  }

  /**
   * Reserves the next run of a job that is not running. Returns false if it is running, or another request reserved the
   * run first. `endsWait` ends the wait for the sample. `boundKeys` are the ones that `getWithKeys` returned and the one that reserves this run: a key is
   * stored only with its reservation.
   */
  async reserveRun(
    jobId: string,
    run: number,
    { endsWait = false, ...toReserve }: RunToReserve & { endsWait?: boolean },
    at: string,
  ): Promise<boolean> {
    return this.#update(jobId, {
      set: { status: 'pending', run: run + 1, ...toReserve, updatedAt: at },
      remove: ['completedAt', 'cancelledAt', 'error', 'executionArn', ...(endsWait ? ['waitingFor'] : [])],
      condition: `run = :run AND ${NOT_RUNNING}`,
      names: { '#status': 'status' },
      values: { ':run': run, ...ENDS, ...WAITING },
    });
  }

  /**
   * Records how many repositories a job holds back behind its sample. If it holds some and runs, it waits once the run ends.
   * A cancel that came first ends the wait, and not what is held. Safe to call again.
   */
  async recordHeld(jobId: string, run: number, held: number): Promise<void> {
    const waitingFor = 'sample' satisfies WaitingFor;
    const waits = await this.#update(jobId, {
      ...(held > 0 ? { set: { held, waitingFor } } : { remove: ['held'] }),
      condition: `run = :run AND ${RUNNING}`,
      names: { '#status': 'status' },
      values: { ':run': run, ...ENDS, ...WAITING },
    });
    if (waits) return;
    await this.#update(jobId, {
      ...(held > 0 ? { set: { held } } : { remove: ['held'] }),
      condition: 'run = :run AND attribute_not_exists(deletedAt)',
      values: { ':run': run },
    });
  }

  /**
   * Sets the status of a job by an administrator's decision, if run and status are still those that were read. `was` is the
   * status as it is stored. Returns false if they are not.
   */
  async overrideStatus(
    jobId: string,
    { run, was }: { run: number; was: string },
    status: 'completed' | 'failed' | 'cancelled',
    at: string,
    error: ErrorDescription | undefined,
  ): Promise<boolean> {
    return this.#update(jobId, {
      set: {
        ...{ status, completedAt: at, updatedAt: at, error },
        ...(status === 'cancelled' && { cancelledAt: at }),
      },
      remove: ['waitingFor', ...(error ? [] : ['error']), ...(status === 'cancelled' ? [] : ['cancelledAt'])],
      condition: 'run = :run AND #status = :was AND attribute_not_exists(deletedAt)',
      names: { '#status': 'status' },
      values: { ':run': run, ':was': was },
    });
  }

  /** Sets how many repositories of a running job are worked on at once. Returns false if this run has ended. */
  async setConcurrency(jobId: string, run: number, maxConcurrency: number, at: string): Promise<boolean> {
    return this.#update(jobId, {
      set: { maxConcurrency, updatedAt: at },
      condition: `run = :run AND ${RUNNING}`,
      names: { '#status': 'status' },
      values: { ':run': run, ...ENDS, ...WAITING },
    });
  }

  /** Writes the counts of a running job. The counts of an ended job are final, and stay. */
  async recordCounts(jobId: string, run: number, counts: Counts, at: string): Promise<void> {
    await this.#update(jobId, {
      set: { counts, countedAt: at, updatedAt: at },
      condition: 'run = :run AND #status IN (:pending, :processing)',
      names: { '#status': 'status' },
      values: { ':run': run, ':pending': 'pending', ':processing': 'processing' },
    });
  }

  /** Writes the totals of a run, unless a later run has the job or the stored totals count more rows. */
  async recordTotals(jobId: string, run: number, totals: JobTotals, at: string): Promise<void> {
    await this.#update(jobId, {
      set: { ...totalsOf(totals), countedAt: at, updatedAt: at },
      condition: 'run = :run AND counts.#total <= :total',
      names: { '#total': 'total' },
      values: { ':run': run, ':total': totals.counts.total },
    });
  }

  /** Writes the counts of pull requests of a job that is not running. A run that is not this job's current one is ignored. */
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
   * Lets one reader count again. Returns true for the one that moves `countedAt` from before `olderThan` to `now`, so
   * that a hundred open pages do not count a hundred times.
   */
  async claimCounting(jobId: string, olderThan: string, now: string): Promise<boolean> {
    return this.#update(jobId, {
      set: { countedAt: now },
      condition:
        'attribute_exists(jobId) AND attribute_not_exists(deletedAt) AND (attribute_not_exists(countedAt) OR countedAt < :olderThan)',
      values: { ':olderThan': olderThan },
    });
  }

  /**
   * Turns the row of a job that has ended into a tombstone, which refuses every retry, publish and cancel. Returns false
   * if the job has not ended, or another run has it. The tombstone takes the next run's number: that run removes what is
   * left of the job.
   */
  async markDeleted(jobId: string, run: number, at: string): Promise<boolean> {
    return this.#update(jobId, {
      set: { status: DELETING, run: run + 1, deletedAt: at, expiresAt: expiry(at, TOMBSTONE_DAYS) },
      remove: ['entity', 'boundKeys'],
      condition: `run = :run AND ${ENDED}`,
      names: { '#status': 'status' },
      values: { ':run': run, ...ENDS },
    });
  }

  /** The run that removes a deleted job, and whether it has finished. Returns undefined if the job is not deleted. */
  async deletion(jobId: string): Promise<{ run: number; isDone: boolean } | undefined> {
    const item = await this.#find(jobId);
    if (item?.deletedAt === undefined) return undefined;
    return { run: item.run as number, isDone: item.status !== DELETING };
  }

  /** Deleted jobs whose removal has not finished. */
  async *deletions(): AsyncGenerator<RunId> {
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
   * Jobs whose `expiresAt` has passed, oldest first. It looks at the `among` oldest jobs: after a change of RESULT_DAYS,
   * a younger job may expire before an older one.
   */
  async *expired(at: string, among: number): AsyncGenerator<string> {
    const found = this.#oldest(among, {
      KeyConditionExpression: 'entity = :job',
      FilterExpression: 'expiresAt <= :now',
      ExpressionAttributeValues: { ':job': 'job', ':now': expiry(at, 0) },
    });
    for await (const { jobId } of found) yield jobId;
  }

  /** Ended jobs that were created before a time, oldest first; at most `limit`, among the `among` oldest jobs. */
  async endedBefore(createdAt: string, { limit, among }: { limit: number; among: number }) {
    const jobs: Readable<JobRow>[] = [];
    const found = this.#oldest(among, {
      KeyConditionExpression: 'entity = :job AND createdAt < :before',
      FilterExpression: ENDED,
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: { ':job': 'job', ':before': createdAt, ...ENDS },
    });
    for await (const item of found) if (jobs.push(readJob(item)) >= limit) break;
    return jobs;
  }

  /** Items of jobs that fit a query, oldest first. Stops after the page in which `among` jobs have been looked at. */
  async *#oldest(among: number, query: Omit<QueryCommandInput, 'TableName' | 'IndexName'>) {
    let from: Record<string, unknown> | undefined;
    let looked = 0;
    do {
      const { Items, ScannedCount, LastEvaluatedKey } = await this.#client.send(
        new QueryCommand({
          ...query,
          TableName: this.#table,
          IndexName: ENTITY_INDEX,
          Limit: 250,
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      yield* Items ?? [];
      looked += ScannedCount ?? 0;
      from = LastEvaluatedKey;
    } while (from && looked < among);
  }

  /** Gives a deletion whose run has failed another run. Returns false if it is done, or has another run already. */
  async deleteAgain(jobId: string, run: number): Promise<boolean> {
    return this.#update(jobId, {
      set: { run: run + 1 },
      condition: 'run = :run AND #status = :deleting',
      names: { '#status': 'status' },
      values: { ':run': run, ':deleting': DELETING },
    });
  }

  /**
   * Removes a deleted job's items from this table. Two stay until the tombstone expires: the identifier, so that a late
   * write cannot create the job again, and a control item that stops every late worker.
   */
  async remove(jobId: string, run: number): Promise<void> {
    const item = await this.#find(jobId);
    if (item?.deletedAt === undefined || item.run !== run) return;
    const { deletedAt, expiresAt } = item;
    const stopped = { stoppedBy: 'deleted', run: Number.MAX_SAFE_INTEGER, expiresAt };
    const TableName = this.#table;
    await this.#client.send(new PutCommand({ TableName, Item: { jobId: controlKey(jobId), ...stopped } }));
    await this.#client.send(new DeleteCommand({ TableName, Key: { jobId: rateSlotKey(jobId) } }));
    await putWhere(this.#client, {
      TableName,
      Item: { jobId, run, deletedAt, expiresAt },
      condition: 'run = :run',
      values: { ':run': run },
    });
  }

  #update(jobId: string, update: ConditionalUpdate): Promise<boolean> {
    return updateWhere(this.#client, { TableName: this.#table, Key: { jobId } }, update);
  }
}

function totalsOf({ counts, tokenUsage, costUsd, pullRequests, revisions }: Partial<JobTotals>) {
  return { counts, tokenUsage, costUsd, pullRequests, revisions };
}
