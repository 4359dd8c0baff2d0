import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import type { Settings } from '../settings.ts';
import { updateWhere } from './conditional-write.ts';

/** One item of the jobs table, which does not expire. */
const KEY = { jobId: 'service#drain' };

export const Drain = z.object({
  since: z.string(),
  by: z.string().optional(),
  reason: z.string().optional(),
});
export type Drain = z.infer<typeof Drain>;

/** Whether the environment is drained: no run starts, and those under way go on to their ends. */
export class DrainState {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
  }

  /** Returns undefined if runs may start. */
  async get(): Promise<Drain | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: KEY, ConsistentRead: true }),
    );
    return Drain.safeParse(Item).data;
  }

  /** Returns false if it is drained already. */
  async begin(drain: Drain): Promise<boolean> {
    return updateWhere(
      this.#client,
      { TableName: this.#table, Key: KEY },
      { set: drain, condition: 'attribute_not_exists(since)' },
    );
  }

  /** Returns false if it was not drained. */
  async end(): Promise<boolean> {
    return updateWhere(
      this.#client,
      { TableName: this.#table, Key: KEY },
      { remove: ['since', 'by', 'reason'], condition: 'attribute_exists(since)' },
    );
  }
}
