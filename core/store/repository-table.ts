import { isUtf8 } from 'node:buffer';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import type { z } from 'zod';
import { Backoff } from '../backoff.ts';
import { NotFoundError } from '../errors.ts';
import { chunks, inParallel } from '../in-parallel.ts';
import type { Counts, PullRequestCounts, ReadStatus, Status } from '../job.ts';
import { Status as StatusSchema } from '../job.ts';
import type { Phase, PullRequestRecord, Waiting } from '../repository-result.ts';
import { RepositoryResult } from '../repository-result.ts';
import type { Settings } from '../settings.ts';
import { type ConditionalUpdate, updateWhere } from './conditional-write.ts';
import { type Readable, readItem } from './stored.ts';
import {
  diffKey,
  expiry,
  fromItem,
  JOB_STATUS_INDEX,
  MAX_DIFF_ITEM_BYTES,
  PULL_REQUEST_INDEX,
} from './tables.ts';

/** BatchGetItem takes at most 100 keys. */
const KEYS_PER_BATCH = 100;
/** BatchWriteItem takes at most 25 items. */
const WRITES_PER_BATCH = 25;
/** Requests for one item each under way at once from one process; the embedded store gains nothing beyond it. */
export const PARALLEL = 16;
/**
 * Batches under way at once. A row with its log has up to 8 KB, so that a batch of 100 takes up to 200 of the 3,000
 * reads a second that a partition allows, and all rows of a job are in one.
 */
const READERS = 4;
/** Of the 1,000 writes a second of a partition, a batch takes 25 and its items' size. */
const WRITERS = 4;

/** What ends a repository: the parts of the row that RecordResult and RecordFailure write. */
export type RepositoryUpdate = Omit<RepositoryResult, 'jobId' | 'repositoryName' | 'run' | 'updatedAt'> & {
  status: 'completed' | 'failed' | 'cancelled';
  completedAt: string;
};

/** An index whose range key is `{state}#{repositoryName}`. */
type IndexKeys = { index: string; key: string };
const STATUS_KEYS: IndexKeys = { index: JOB_STATUS_INDEX, key: 'statusKey' };
const PULL_REQUEST_KEYS: IndexKeys = { index: PULL_REQUEST_INDEX, key: 'pullRequestKey' };

/** What the index shows of a row whose pull request is open. */
const OpenPullRequest = RepositoryResult.pick({
  repositoryName: true,
  pullRequestNumber: true,
  pullRequest: true,
}).required();
export type OpenPullRequest = z.infer<typeof OpenPullRequest>;

/** What a row says of one run, and of no other. */
const RESULT_OF_A_RUN = [
  'artifacts',
  'logs',
  'model',
  'baseBranch',
  'baseSha',
  'outcome',
  'end',
  'error',
  'phase',
  'waiting',
  'turns',
  'summary',
  'notDone',
  'wereChangesNecessary',
  'changes',
  'changedFiles',
  'additions',
  'deletions',
  'changeSetSha256',
  'verification',
  'batchJobId',
  'logStream',
  'attempts',
  'startedAt',
  'completedAt',
] as const satisfies (keyof RepositoryResult)[];

/** A row that somebody has edited may hold any status and any run: it has not ended, and a run can take it. */
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

  /**
   * Creates the rows that do not exist yet, as this run's; they expire with their job. One that exists keeps what it
   * says, so resolving again is safe.
   */
  async createPending(
    jobId: string,
    names: readonly string[],
    at: string,
    run = 1,
    expiresAt?: string,
    defaultBranches?: ReadonlyMap<string, string>,
  ): Promise<void> {
    const create = async (repositoryName: string) => {
      try {
        await this.#client.send(
          new PutCommand({
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
            ConditionExpression: 'attribute_not_exists(jobId)',
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    };
    await inParallel(names, PARALLEL, create);
  }

  /** Throws NotFoundError for a repository that is not of this job. */
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

  /** Of the worker on it: the status that it works under, and the digest of its token. Undefined where there is no row. */
  async findWorker(
    jobId: string,
    repositoryName: string,
  ): Promise<{ status: unknown; tokenSha256?: string } | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({
        TableName: this.#table,
        Key: { jobId, repositoryName },
        ConsistentRead: true,
        ProjectionExpression: '#status, workerTokenSha256',
        ExpressionAttributeNames: { '#status': 'status' },
      }),
    );
    if (!Item) return undefined;
    const { status, workerTokenSha256: tokenSha256 } = Item;
    return { status, ...(typeof tokenSha256 === 'string' && { tokenSha256 }) };
  }

  /**
   * The rows of these names, in their order; names without a row are left out. Never reads a diff. Half the price where
   * it need not be `consistent`: where what was written in the last second may be missed.
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
    await inParallel(chunks([...new Set(names)], KEYS_PER_BATCH), READERS, async (batch) => {
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

  /** The names that the job has rows of, by the index: eventually right, for where the list of them is gone. */
  async listNames(jobId: string): Promise<string[]> {
    return (await this.#names(jobId, STATUS_KEYS)).sort();
  }

  /**
   * The names of repositories that completed and whose pull request nothing is recorded of, by the indexes: eventually
   * right, and cheap enough to ask for again and again while the job runs.
   */
  async listUntried(jobId: string): Promise<string[]> {
    const [completed, tried] = await Promise.all([
      this.#names(jobId, STATUS_KEYS, 'completed#'),
      this.#names(jobId, PULL_REQUEST_KEYS),
    ]);
    const known = new Set(tried);
    return completed.filter((name) => !known.has(name));
  }

  async #names(jobId: string, { index, key }: IndexKeys, prefix?: string): Promise<string[]> {
    const names: string[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: index,
          KeyConditionExpression: prefix ? 'jobId = :jobId AND begins_with(#key, :prefix)' : 'jobId = :jobId',
          ExpressionAttributeValues: { ':jobId': jobId, ...(prefix && { ':prefix': prefix }) },
          ...(prefix && { ExpressionAttributeNames: { '#key': key } }),
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      names.push(...(page.Items ?? []).map(({ repositoryName }) => repositoryName as string));
      from = page.LastEvaluatedKey;
    } while (from);
    return names;
  }

  /** Counts by the index: eventually right, and cheap. */
  async countByIndex(jobId: string): Promise<Counts> {
    const [counted, waiting] = await Promise.all([
      Promise.all(
        StatusSchema.options.map(
          async (status) => [status, await this.#count(jobId, STATUS_KEYS, `${status}#`)] as const,
        ),
      ),
      this.#count(jobId, STATUS_KEYS, 'processing#', 'attribute_exists(waiting)'),
    ]);
    const counts = countsOf(Object.fromEntries(counted) as Record<Status, number>);
    return waiting > 0 ? { ...counts, waiting } : counts;
  }

  /** How many of a job's pull requests are in each state, by the index: eventually right, and cheap. */
  async countPullRequests(jobId: string): Promise<PullRequestCounts> {
    const of = (state: PullRequestRecord['state']) => this.#count(jobId, PULL_REQUEST_KEYS, `${state}#`);
    const [open, merged, closed, failed] = await Promise.all([
      of('open'),
      of('merged'),
      of('closed'),
      of('failed'),
    ]);
    return { open, merged, closed, failed };
  }

  /** The pull requests of a job that its rows show as open, by the index. */
  async openPullRequests(jobId: string): Promise<OpenPullRequest[]> {
    const open: OpenPullRequest[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: PULL_REQUEST_INDEX,
          KeyConditionExpression: 'jobId = :jobId AND begins_with(pullRequestKey, :state)',
          ExpressionAttributeValues: { ':jobId': jobId, ':state': 'open#' },
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      // One that is not what it should be keeps none of the others from being found.
      for (const item of page.Items ?? []) {
        const { success, data } = OpenPullRequest.safeParse(item);
        if (success) open.push(data);
      }
      from = page.LastEvaluatedKey;
    } while (from);
    return open;
  }

  async #count(jobId: string, { index, key }: IndexKeys, prefix: string, filter?: string): Promise<number> {
    let count = 0;
    let from: Record<string, unknown> | undefined;
    do {
      const page = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: index,
          Select: 'COUNT',
          KeyConditionExpression: 'jobId = :jobId AND begins_with(#key, :prefix)',
          ExpressionAttributeNames: { '#key': key },
          ExpressionAttributeValues: { ':jobId': jobId, ':prefix': prefix },
          ...(filter && { FilterExpression: filter }),
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      count += page.Count ?? 0;
      from = page.LastEvaluatedKey;
    } while (from);
    return count;
  }

  /** Ends a repository of this run. Returns false where it had already ended, or where another run has it. */
  async end(jobId: string, repositoryName: string, run: number, end: RepositoryUpdate): Promise<boolean> {
    return this.#update(jobId, repositoryName, {
      set: { ...end, statusKey: statusKey(end.status, repositoryName), updatedAt: end.completedAt },
      remove: ['waiting'],
      condition: '#status = :processing AND run = :run',
      names: { '#status': 'status' },
      values: { ':processing': 'processing', ':run': run },
    });
  }

  /** Ends a repository that no execution works on any more; one that a later run has is left alone. */
  async endUnfinished(
    jobId: string,
    repositoryName: string,
    run: number,
    end: RepositoryUpdate,
  ): Promise<boolean> {
    return this.#update(jobId, repositoryName, {
      set: { ...end, statusKey: statusKey(end.status, repositoryName), updatedAt: end.completedAt },
      remove: ['waiting'],
      condition: `${NOT_ENDED} AND (attribute_not_exists(run) OR run <= :run OR ${NO_NUMBER})`,
      names: { '#status': 'status' },
      values: { ...ENDS, ':run': run, ':number': 'N' },
    });
  }

  /** Writes a status that somebody wrote by hand as the product writes it; one that it wrote itself is left alone. */
  async respellStatus(jobId: string, repositoryName: string, status: Status, at: string): Promise<boolean> {
    return this.#update(jobId, repositoryName, {
      set: { status, statusKey: statusKey(status, repositoryName), updatedAt: at },
      condition:
        'attribute_exists(jobId) AND NOT #status IN (:pending, :processing, :completed, :failed, :cancelled)',
      names: { '#status': 'status' },
      values: { ...ENDS, ':pending': 'pending', ':processing': 'processing' },
    });
  }

  /** Gives a row that somebody gave the number of a run that never was to this run. */
  async respellRun(jobId: string, repositoryName: string, written: number, run: number): Promise<boolean> {
    return this.#update(jobId, repositoryName, {
      set: { run },
      // The client refuses to send a number that JavaScript cannot hold.
      condition: written > Number.MAX_SAFE_INTEGER ? 'run > :written' : 'run = :written',
      values: { ':written': Math.min(written, Number.MAX_SAFE_INTEGER) },
    });
  }

  /**
   * Makes a repository that failed or was cancelled in an earlier run pending again, as this run's; what it had cost
   * stays counted. Returns false where it completed, or where this run has had it already.
   */
  async resetForRun(row: RepositoryResult, run: number, at: string): Promise<boolean> {
    const { jobId, repositoryName, tokenUsage, costUsd } = row;
    return this.#update(jobId, repositoryName, {
      set: {
        status: 'pending',
        statusKey: statusKey('pending', repositoryName),
        run,
        updatedAt: at,
        ...(tokenUsage && { earlierRuns: { tokenUsage, costUsd } }),
      },
      remove: RESULT_OF_A_RUN,
      condition: `#status IN (:failed, :cancelled) AND (attribute_not_exists(run) OR run < :thisRun OR ${NO_NUMBER})`,
      names: { '#status': 'status' },
      values: { ':failed': 'failed', ':cancelled': 'cancelled', ':thisRun': run, ':number': 'N' },
    });
  }

  /** Says that a repository has left its place until the model's service admits it again. */
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
   * Says since when the repository's Batch job runs. Returns false where that is late: the repository has ended, another
   * run has it, or a later attempt runs already.
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

  /** Writes what a worker may write of its row, and nothing else: IAM holds it to these attributes. */
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
        pullRequestKey: pullRequestKey(record.pullRequest.state, repositoryName),
        updatedAt: at,
      },
      remove: ['phase', 'waiting'],
      condition: 'attribute_exists(jobId)',
    });
  }

  /** Says that a pull request waits for its turn. */
  async recordSlotWait(jobId: string, repositoryName: string, until: string, at: string): Promise<void> {
    const waiting: Waiting = { until };
    await this.#update(jobId, repositoryName, {
      set: { phase: 'waitingForSlot' satisfies Phase, waiting, updatedAt: at },
      condition: 'attribute_exists(jobId)',
    });
  }

  /** Writes what GitHub says of a pull request, unless somebody has written of it since `checkedAt`. */
  async recordTracked(
    jobId: string,
    repositoryName: string,
    checkedAt: string | undefined,
    pullRequest: PullRequestRecord,
  ): Promise<boolean> {
    const written = 'pullRequest.checkedAt';
    return this.#update(jobId, repositoryName, {
      set: { pullRequest, pullRequestKey: pullRequestKey(pullRequest.state, repositoryName) },
      condition: checkedAt
        ? `${written} = :before`
        : `attribute_exists(pullRequest) AND attribute_not_exists(${written})`,
      values: checkedAt ? { ':before': checkedAt } : {},
    });
  }

  /** Keeps a text diff of at most 300 KiB where it can be queried; any other is in the artifacts only. */
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

  /** Removes every item of a job, by what the table has of it. */
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
      await inParallel(chunks(Items, WRITES_PER_BATCH), WRITERS, (keys) => this.#deleteBatch(keys));
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

export function statusKey(status: Status, repositoryName: string): string {
  return `${status}#${repositoryName}`;
}

/** Always written with `pullRequest`. */
export function pullRequestKey(state: PullRequestRecord['state'], repositoryName: string): string {
  return `${state}#${repositoryName}`;
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

export function countsOf(byStatus: Partial<Record<ReadStatus, number>>): Counts {
  const counts = { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0, ...byStatus };
  return { total: Object.values(counts).reduce((sum, n) => sum + n, 0), ...counts };
}
