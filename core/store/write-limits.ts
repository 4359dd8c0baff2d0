import { createHash } from 'node:crypto';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Settings } from '../settings.ts';
import { updateWhere } from './conditional-write.ts';

const WINDOW_SECONDS = 60;
const DAY_SECONDS = 86_400;

/** How many writes a caller has sent in this minute: one item of the jobs table for each caller and minute. */
export class WriteLimits {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #perMinute: number;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable' | 'WRITES_PER_MINUTE'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
    this.#perMinute = settings.WRITES_PER_MINUTE;
  }

  /** Counts one write. Returns undefined if it is admitted, or the seconds until the next one can be. */
  async retryAfter(caller: string, at: string): Promise<number | undefined> {
    const seconds = Math.floor(Date.parse(at) / 1000);
    const window = seconds - (seconds % WINDOW_SECONDS);
    // A caller may be longer than a key, and is a person's address.
    const digest = createHash('sha256').update(caller).digest('base64url');
    const admitted = await updateWhere(
      this.#client,
      { TableName: this.#table, Key: { jobId: `writes#${digest}#${window}` } },
      {
        set: { expiresAt: window + DAY_SECONDS },
        add: { writes: 1 },
        condition: 'attribute_not_exists(writes) OR writes < :limit',
        values: { ':limit': this.#perMinute },
      },
    );
    return admitted ? undefined : window + WINDOW_SECONDS - seconds;
  }
}
