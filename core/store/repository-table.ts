import { isUtf8 } from 'node:buffer';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import { Backoff } from '../backoff.ts';
import { NotFoundError } from '../errors.ts';
import { chunks, inParallel } from '../in-parallel.ts';
import type { ErrorDescription, Status } from '../job.ts';
import type { RepairRound } from '../repair.ts';
import type { Phase, PullRequestRecord, Revision, Waiting } from '../repository-result.ts';
import { RepositoryResult } from '../repository-result.ts';
import type { Settings } from '../settings.ts';
import { type ConditionalUpdate, putWhere, updateWhere } from './conditional-write.ts';
import {
  pendingIn,
  RESULT_OF_RUN,
  type RepositoryUpdate,
  type RowEnd,
  rowAtEnd,
  statusKey,
  underRevision,
} from './row-end.ts';
import { type Readable, readItem } from './stored.ts';
import { diffKey, expiry, fromItem, MAX_DIFF_ITEM_BYTES } from './tables.ts';

/** BatchGetItem takes at most 100 keys. */
const KEYS_PER_BATCH = 100;
/** BatchWriteItem takes at most 25 items. */
const WRITES_PER_BATCH = 25;
/** Concurrent requests of one process for one item each. The embedded store is not faster with more. */
export const PARALLEL = 16;
/**
 * Concurrent batches. A row with its log has up to 8 KB, so that a batch of 100 takes up to 200 of the 3,000 reads a
 * second that a partition allows, and all rows of a job are in one.
 */
const MAX_READERS = 4;
/** A batch takes at least 25 of the 1,000 writes a second that a partition allows. */
const MAX_WRITERS = 4;

/** A row that was edited by hand may have any status and run: then it has not ended, and any run can take it. */
const NOT_ENDED = 'attribute_exists(jobId) AND NOT #status IN (:completed, :failed, :cancelled)';
const NO_NUMBER = 'NOT attribute_type(run, :number)';
const ENDS = { ':completed': 'completed', ':failed': 'failed', ':cancelled': 'cancelled' };

/** The repositories table. `statusKey` is `{status}#{repositoryName}`, always written with `status`. */
export class RepositoryTable {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #days: number;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'repositoriesTable' | 'RESULT_DAYS'>) {
    this.#client = client;
    this.#table = settings.repositoriesTable;
    this.#days = settings.RESULT_DAYS;
  }

  /** Creates the rows that do not exist yet, for this run; they expire with their job. Safe to call again. */
  async createPending(
    jobId: string,
    names: readonly string[],
    at: string,
    run = 1,
    expiresAt?: string,
    defaultBranches?: ReadonlyMap<string, string>,
  ): Promise<void> {
    const create = async (repositoryName: string) => {
      await putWhere(this.#client, {
        TableName: this.#table,
        Item: {
          jobId,
          repositoryName,
          status: 'pending',
          statusKey: statusKey('pending', repositoryName),
          run,
          defaultBranch: defaultBranches?.get(repositoryName),
          updatedAt: at,
          expiresAt: this.#expiry(at, expiresAt),
        },
        condition: 'attribute_not_exists(jobId)',
      });
    };
    await inParallel(names, PARALLEL, create);
  }

  /** Throws NotFoundError if the job has no such repository. */
  async get(jobId: string, repositoryName: string): Promise<Readable<RepositoryResult>> {
    const row = await this.find(jobId, repositoryName);
    if (row) return row;
    throw new NotFoundError(`The job ${jobId} has no repository ${repositoryName}.`, {
      field: 'repositoryName',
      received: repositoryName,
      expected: 'a repository of this job',
    });
  }

  async find(jobId: string, repositoryName: string): Promise<Readable<RepositoryResult> | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId, repositoryName }, ConsistentRead: true }),
    );
    return Item && readRow(Item);
  }

  /** What identifies the row's worker. Returns undefined if there is no row. */
  async findWorker(
    jobId: string,
    repositoryName: string,
  ): Promise<{ status: unknown; run: number; from?: number; tokenSha256?: string } | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({
        TableName: this.#table,
        Key: { jobId, repositoryName },
        ConsistentRead: true,
        ProjectionExpression: '#status, #run, #from, workerTokenSha256',
        ExpressionAttributeNames: { '#status': 'status', '#run': 'run', '#from': 'from' },
      }),
    );
    if (!Item) return undefined;
    const { status, run, from, workerTokenSha256: tokenSha256 } = Item;
    return { status, run, from, ...(typeof tokenSha256 === 'string' && { tokenSha256 }) };
  }

  /**
   * The rows of these names, in their order, without their diffs. Names without a row are left out. A read that is not
   * `consistent` costs half, and may miss writes of the last second.
   */
  async getMany(
    jobId: string,
    names: readonly string[],
    attributes?: readonly (keyof RepositoryResult)[],
    { consistent = true }: { consistent?: boolean } = {},
  ): Promise<Readable<RepositoryResult>[]> {
    const rows = new Map<string, Readable<RepositoryResult>>();
    const projection = attributes && {
      ProjectionExpression: attributes.map((_, i) => `#p${i}`).join(', '),
      ExpressionAttributeNames: Object.fromEntries(attributes.map((name, i) => [`#p${i}`, name])),
    };
    // BatchGetItem refuses a key that is named twice.
    await inParallel(chunks([...new Set(names)], KEYS_PER_BATCH), MAX_READERS, async (batch) => {
      const backoff = new Backoff('BatchGetItem');
      let keys = batch.map((repositoryName): Record<string, unknown> => ({ jobId, repositoryName }));
      for (;;) {
        const { Responses, UnprocessedKeys } = await this.#client.send(
          new BatchGetCommand({
            RequestItems: { [this.#table]: { Keys: keys, ConsistentRead: consistent, ...projection } },
          }),
        );
        for (const item of Responses?.[this.#table] ?? [])
          rows.set(item.repositoryName as string, readRow(item, attributes));
        const left = UnprocessedKeys?.[this.#table]?.Keys ?? [];
        if (left.length === 0) return;
        await backoff.wait(left.length < keys.length);
        keys = left;
      }
    });
    return names.flatMap((name) => rows.get(name) ?? []);
  }

  /** Ends a repository that this run works on. Returns false if it had ended, or another run has it. */
  async end(
    jobId: string,
    repositoryName: string,
    run: number,
    end: RepositoryUpdate,
    { hasStarted = true }: { hasStarted?: boolean } = {},
  ): Promise<boolean> {
    return this.#end(
      { jobId, repositoryName, run, end, hasStarted },
      {
        condition: '#status = :processing AND run = :run',
        values: { ':processing': 'processing', ':run': run },
      },
    );
  }

  /** Ends a repository that no execution works on. Returns false if it had ended, or a later run has it. */
  async endUnfinished(
    jobId: string,
    repositoryName: string,
    run: number,
    end: RepositoryUpdate,
    { hasStarted = true }: { hasStarted?: boolean } = {},
  ): Promise<boolean> {
    return this.#end(
      { jobId, repositoryName, run, end, hasStarted },
      {
        condition: `${NOT_ENDED} AND (attribute_not_exists(run) OR run <= :run OR ${NO_NUMBER})`,
        values: { ...ENDS, ':run': run, ':number': 'N' },
      },
    );
  }

  /** The one place that ends a row. A completed result under revision is replaced only by one that completes. */
  async #end(
    { jobId, repositoryName, ...ended }: RowEnd & { jobId: string; repositoryName: string },
    { condition, values }: Required<Pick<ConditionalUpdate, 'condition' | 'values'>>,
  ): Promise<boolean> {
    const write = (row: Pick<RepositoryResult, 'standing' | 'patchSha' | 'outcome'>) => {
      const { set, remove } = rowAtEnd(repositoryName, row, ended);
      return this.#update(jobId, repositoryName, {
        set: { ...set, updatedAt: ended.end.completedAt },
        remove,
        condition: `${condition} AND attribute_${row.standing ? 'exists' : 'not_exists'}(standing)`,
        names: { '#status': 'status' },
        values,
      });
    };
    if (await write({})) return true;
    const row = await this.find(jobId, repositoryName);
    return row?.standing ? write(row) : false;
  }

  /** Replaces a status that was written by hand with the product's own. A status of the product is left alone. */
  async respellStatus(jobId: string, repositoryName: string, status: Status, at: string): Promise<boolean> {
    return this.#update(jobId, repositoryName, {
      set: { status, statusKey: statusKey(status, repositoryName), updatedAt: at },
      condition:
        'attribute_exists(jobId) AND NOT #status IN (:pending, :processing, :completed, :failed, :cancelled)',
      names: { '#status': 'status' },
      values: { ...ENDS, ':pending': 'pending', ':processing': 'processing' },
    });
  }

  /** Gives this run a row whose run was written by hand. */
  async respellRun(jobId: string, repositoryName: string, written: number, run: number): Promise<boolean> {
    return this.#update(jobId, repositoryName, {
      set: { run },
      // The client refuses to send a number that JavaScript cannot hold.
      condition: written > Number.MAX_SAFE_INTEGER ? 'run > :written' : 'run = :written',
      values: { ':written': Math.min(written, Number.MAX_SAFE_INTEGER) },
    });
  }

  /**
   * Makes a repository that failed or was cancelled in an earlier run pending in this run. Its earlier cost stays
   * counted. Returns false if it completed, or this run has had it already.
   */
  async resetForRun(row: RepositoryResult, run: number, at: string): Promise<boolean> {
    const { jobId, repositoryName } = row;
    return this.#update(jobId, repositoryName, {
      set: { ...pendingIn(row, run, at) },
      remove: RESULT_OF_RUN,
      condition: `#status IN (:failed, :cancelled) AND (attribute_not_exists(run) OR run < :thisRun OR ${NO_NUMBER})`,
      names: { '#status': 'status' },
      values: { ':failed': 'failed', ':cancelled': 'cancelled', ':thisRun': run, ':number': 'N' },
    });
  }

  /**
   * Makes an ended repository pending for a revision in this run, which continues its conversation if it has one, unless
   * it `isAnew`. A completed result stays in place until a revision that completes replaces it. `repairs` replaces those of
   * the row. Returns false if the row has changed since it was read, was cancelled, or has no result.
   */
  async resetForRevision(
    row: RepositoryResult,
    run: number,
    at: string,
    { isAnew = false, repairs }: { isAnew?: boolean; repairs?: readonly RepairRound[] | undefined } = {},
  ): Promise<boolean> {
    const { jobId, repositoryName, status } = row;
    if (row.run === undefined || (status !== 'completed' && status !== 'failed')) return false;
    const { set, remove } = underRevision(row, run, at, isAnew);
    return this.#update(jobId, repositoryName, {
      set: { ...set, repairs },
      remove,
      condition: '#status = :status AND run = :asRead AND run < :thisRun AND attribute_not_exists(standing)',
      names: { '#status': 'status' },
      values: { ':status': status, ':asRead': row.run, ':thisRun': run },
    });
  }

  /** Records why a revision left out a repository, whose result stays. Returns false if another run has it. */
  async recordNotRevised(
    { jobId, repositoryName, run: asRead }: RepositoryResult,
    run: number,
    error: ErrorDescription,
    at: string,
  ): Promise<boolean> {
    const revision: Revision = { run, cameTo: 'notStarted', error };
    return this.#update(jobId, repositoryName, {
      set: { revision, updatedAt: at },
      condition: '#status IN (:completed, :failed, :cancelled) AND run = :asRead',
      names: { '#status': 'status' },
      values: { ...ENDS, ':asRead': asRead },
    });
  }

  /** Records that a repository has left its slot of Batch, and waits for the model's service. */
  async recordModelWait(
    jobId: string,
    repositoryName: string,
    { attempts, waiting, at }: { attempts: number; waiting: Waiting; at: string },
  ): Promise<void> {
    await this.#update(jobId, repositoryName, {
      set: { attempts, phase: 'waitingForModel' satisfies Phase, waiting, updatedAt: at },
      condition: '#status = :processing',
      names: { '#status': 'status' },
      values: { ':processing': 'processing' },
    });
  }

  /**
   * Records when the repository's Batch job started. Returns false if that is outdated: the repository has ended,
   * another run has it, or a later attempt has started.
   */
  async recordRunning(
    jobId: string,
    repositoryName: string,
    run: number,
    running: { startedAt: string; batchJobId: string; logStream: string | undefined; updatedAt: string },
  ): Promise<boolean> {
    return this.#update(jobId, repositoryName, {
      set: running,
      remove: ['waiting'],
      condition:
        '#status = :processing AND run = :run AND (attribute_not_exists(startedAt) OR startedAt < :startedAt)',
      names: { '#status': 'status' },
      values: { ':processing': 'processing', ':run': run, ':startedAt': running.startedAt },
    });
  }

  /** Writes the attributes that a worker may write to its row. IAM allows it no others. */
  async recordProgress(
    jobId: string,
    repositoryName: string,
    progress: { phase: Phase; turns: number; updatedAt: string; waiting?: Waiting | undefined },
  ): Promise<void> {
    await this.#update(jobId, repositoryName, {
      set: progress,
      ...(!progress.waiting && { remove: ['waiting'] }),
      condition: 'attribute_exists(jobId)',
    });
  }

  async recordPullRequest(
    jobId: string,
    repositoryName: string,
    at: string,
    record: {
      pullRequest: PullRequestRecord;
      branch?: string;
      pullRequestUrl?: string;
      pullRequestNumber?: number;
    },
  ): Promise<void> {
    await this.#update(jobId, repositoryName, {
      set: {
        ...record,
        ...summaryOfPullRequest(record.pullRequest, repositoryName),
        updatedAt: at,
      },
      remove: ['phase', 'waiting', ...(record.pullRequest.checks ? [] : ['checks'])],
      condition: 'attribute_exists(jobId)',
    });
  }

  /** Records that a pull request waits for its slot. */
  async recordSlotWait(jobId: string, repositoryName: string, until: string, at: string): Promise<void> {
    const waiting: Waiting = { until };
    await this.#update(jobId, repositoryName, {
      set: { phase: 'waitingForSlot' satisfies Phase, waiting, updatedAt: at },
      condition: 'attribute_exists(jobId)',
    });
  }

  /** Writes GitHub's state of a pull request, unless the record has changed since `checkedAt`. */
  async recordTracked(
    jobId: string,
    repositoryName: string,
    checkedAt: string | undefined,
    pullRequest: PullRequestRecord,
  ): Promise<boolean> {
    const written = 'pullRequest.checkedAt';
    return this.#update(jobId, repositoryName, {
      set: { pullRequest, ...summaryOfPullRequest(pullRequest, repositoryName) },
      remove: pullRequest.checks ? [] : ['checks'],
      condition: checkedAt
        ? `${written} = :before`
        : `attribute_exists(pullRequest) AND attribute_not_exists(${written})`,
      values: checkedAt ? { ':before': checkedAt } : {},
    });
  }

  /** Stores a text diff of at most 300 KiB beside the row. Returns false for any other, which only the artifacts have. */
  async putDiff(
    jobId: string,
    repositoryName: string,
    diff: Buffer,
    at: string,
    expiresAt?: string,
  ): Promise<boolean> {
    if (diff.length > MAX_DIFF_ITEM_BYTES || !isUtf8(diff)) return false;
    await this.#client.send(
      new PutCommand({
        TableName: this.#table,
        Item: {
          jobId,
          repositoryName: diffKey(repositoryName),
          diff: diff.toString('utf8'),
          updatedAt: at,
          expiresAt: this.#expiry(at, expiresAt),
        },
      }),
    );
    return true;
  }

  async removeDiff(jobId: string, repositoryName: string): Promise<void> {
    const Key = { jobId, repositoryName: diffKey(repositoryName) };
    await this.#client.send(new DeleteCommand({ TableName: this.#table, Key }));
  }

  #expiry(at: string, expiresAt: string | undefined): number {
    return expiresAt ? expiry(expiresAt, 0) : expiry(at, this.#days);
  }

  /** Removes every item of a job. */
  async removeAll(jobId: string): Promise<void> {
    for (;;) {
      const { Items = [] } = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          KeyConditionExpression: 'jobId = :jobId',
          ExpressionAttributeValues: { ':jobId': jobId },
          ProjectionExpression: 'jobId, repositoryName',
          ConsistentRead: true,
        }),
      );
      if (Items.length === 0) return;
      await inParallel(chunks(Items, WRITES_PER_BATCH), MAX_WRITERS, (keys) => this.#deleteBatch(keys));
    }
  }

  async #deleteBatch(keys: readonly Record<string, unknown>[]): Promise<void> {
    const backoff = new Backoff('BatchWriteItem');
    let requests = keys.map(({ jobId, repositoryName }) => ({
      DeleteRequest: { Key: { jobId, repositoryName } as Record<string, unknown> },
    }));
    for (;;) {
      const { UnprocessedItems } = await this.#client.send(
        new BatchWriteCommand({ RequestItems: { [this.#table]: requests } }),
      );
      const left = (UnprocessedItems?.[this.#table] ?? []) as typeof requests;
      if (left.length === 0) return;
      await backoff.wait(left.length < requests.length);
      requests = left;
    }
  }

  #update(jobId: string, repositoryName: string, update: ConditionalUpdate): Promise<boolean> {
    return updateWhere(this.#client, { TableName: this.#table, Key: { jobId, repositoryName } }, update);
  }
}

/** Always written with `pullRequest`. */
export function pullRequestKey(state: PullRequestRecord['state'], repositoryName: string): string {
  return `${state}#${repositoryName}`;
}

/** What the indexes hold of the pull request, always written with `pullRequest`. */
function summaryOfPullRequest({ state, checks }: PullRequestRecord, repositoryName: string) {
  return { pullRequestKey: pullRequestKey(state, repositoryName), prState: state, checks };
}

function readRow(
  item: Record<string, unknown>,
  attributes?: readonly (keyof RepositoryResult)[],
): Readable<RepositoryResult> {
  return readItem(RepositoryResult, fromItem(item), {
    fallbacks: { updatedAt: '' },
    ...(attributes && { attributes }),
  });
}
