import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import { Notice } from '../notice.ts';
import type { Settings } from '../settings.ts';
import { putWhere, updateWhere } from './conditional-write.ts';
import { ENTITY_INDEX, expiry } from './tables.ts';

/** Longer than all tries, and than the stream can repeat a change. */
const KEPT_DAYS = 8;

/** A notice and where it goes: one item of the jobs table for each. */
export const Letter = z.object({
  /** `notice#{eventId}#{destination}`: a change that is seen twice writes it once. */
  jobId: z.string(),
  notice: Notice,
  destination: z.enum(['topic', 'environment', 'job']),
  /** The webhook; absent for the topic. */
  url: z.string().optional(),
  tries: z.int(),
});
export type Letter = z.infer<typeof Letter>;

/** What is to be sent. `entity` and `createdAt`, the time of the next try, are there until it has been. */
export class Outbox {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
  }

  /** Writes a letter, claimed by the caller until `nextTryAt`. Returns undefined if it was written before. */
  async add(
    { notice, destination, url }: Pick<Letter, 'notice' | 'destination' | 'url'>,
    nextTryAt: string,
  ): Promise<Letter | undefined> {
    const jobId = `notice#${notice.eventId}#${destination}`;
    const letter = { jobId, notice, destination, ...(url && { url }), tries: 1 };
    const isNew = await putWhere(this.#client, {
      TableName: this.#table,
      Item: { ...letter, entity: 'notice', createdAt: nextTryAt, expiresAt: expiry(notice.at, KEPT_DAYS) },
      condition: 'attribute_not_exists(jobId)',
    });
    return isNew ? letter : undefined;
  }

  /** Letters whose next try is due, oldest first. */
  async due(at: string, limit: number): Promise<(Letter & { dueAt: string })[]> {
    const { Items = [] } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        IndexName: ENTITY_INDEX,
        KeyConditionExpression: 'entity = :notice AND createdAt <= :at',
        ExpressionAttributeValues: { ':notice': 'notice', ':at': at },
        Limit: limit,
      }),
    );
    return Items.flatMap((item) => {
      const letter = Letter.safeParse(item).data;
      return letter ? [{ ...letter, dueAt: String(item.createdAt) }] : [];
    });
  }

  /** Takes a letter for one try. Returns false if another sender has taken it since it was read. */
  async take({ jobId, tries, dueAt }: Letter & { dueAt: string }, nextTryAt: string): Promise<boolean> {
    return this.#update(jobId, {
      set: { createdAt: nextTryAt, tries: tries + 1 },
      condition: 'createdAt = :dueAt',
      values: { ':dueAt': dueAt },
    });
  }

  /** Ends a letter: it is kept, so that the same change does not write it again. */
  async end(jobId: string, outcome: 'delivered' | 'dead', at: string): Promise<void> {
    await this.#update(jobId, {
      set: { outcome, endedAt: at },
      remove: ['entity', 'createdAt'],
      condition: 'attribute_exists(jobId)',
    });
  }

  #update(jobId: string, update: Parameters<typeof updateWhere>[2]): Promise<boolean> {
    return updateWhere(this.#client, { TableName: this.#table, Key: { jobId } }, update);
  }
}
