import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import type { Settings } from '../settings.ts';
import { putWhere } from './conditional-write.ts';
import { expiry } from './tables.ts';

const KEY_DAYS = 1;

/** The job that an Idempotency-Key is bound to, and the fingerprint of the request that first carried the key. */
export type IdempotencyClaim = { boundJobId: string; fingerprint: string };

/** The Idempotency-Keys of `POST /jobs`, one item of the jobs table each. */
export class IdempotencyKeys {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
  }

  /** Binds a key for a day. Returns the claim that the key is bound to: the given one for the first caller. */
  async claim(key: string, claim: IdempotencyClaim, at: string): Promise<IdempotencyClaim> {
    const jobId = `idempotency#${key}`;
    const isFirst = await putWhere(this.#client, {
      TableName: this.#table,
      Item: { jobId, ...claim, expiresAt: expiry(at, KEY_DAYS) },
      condition: 'attribute_not_exists(jobId) OR expiresAt < :now',
      values: { ':now': expiry(at, 0) },
    });
    if (isFirst) return claim;
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId }, ConsistentRead: true }),
    );
    return Item as IdempotencyClaim;
  }
}
