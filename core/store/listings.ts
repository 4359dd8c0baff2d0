import { gunzipSync, gzipSync } from 'node:zlib';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import type { Settings } from '../settings.ts';
import { expiry } from './tables.ts';

const KEPT_DAYS = 1;
/** An item has at most 400 KB. 10,000 names take about 60 KB with gzip. */
const MAX_ITEM_BYTES = 350 * 1024;
/** A damaged item must not fill the memory. */
const MAX_NAMES_BYTES = 16 * 1024 * 1024;

/** The repositories of an owner as GitHub listed them. */
export type Listing = { listedAt: string; names: string[] };

const Item = z.object({ listedAt: z.iso.datetime(), names: z.instanceof(Uint8Array) });
const Names = z.array(z.string());

/** GitHub's listings of owners, which all processes share: one item of the jobs table each. */
export class Listings {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
  }

  /** The last listing of an owner. Undefined if there is none, or it cannot be read. */
  async find(owner: string): Promise<Listing | undefined> {
    const found = await this.#client.send(
      new GetCommand({ TableName: this.#table, Key: { jobId: keyOf(owner) } }),
    );
    const { success, data } = Item.safeParse(found.Item);
    if (!success) return undefined;
    try {
      const text = gunzipSync(data.names, { maxOutputLength: MAX_NAMES_BYTES }).toString('utf8');
      return { listedAt: data.listedAt, names: Names.parse(JSON.parse(text)) };
    } catch {
      return undefined;
    }
  }

  /** Keeps a listing for the other processes, unless it is too long for an item. */
  async put(owner: string, { listedAt, names }: Listing): Promise<void> {
    const packed = gzipSync(JSON.stringify(names));
    if (packed.length > MAX_ITEM_BYTES) return;
    await this.#client.send(
      new PutCommand({
        TableName: this.#table,
        Item: { jobId: keyOf(owner), listedAt, names: packed, expiresAt: expiry(listedAt, KEPT_DAYS) },
      }),
    );
  }
}

/** GitHub ignores case in owners. */
function keyOf(owner: string): string {
  return `listing#${owner.toLowerCase()}`;
}
