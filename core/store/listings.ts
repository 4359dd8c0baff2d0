import { gunzipSync, gzipSync } from 'node:zlib';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { z } from 'zod';
import type { Settings } from '../settings.ts';
import { expiry } from './tables.ts';

const KEPT_DAYS = 1;
/** An item has at most 400 KB. 10,000 repositories take about 150 KB with gzip. */
const MAX_ITEM_BYTES = 350 * 1024;
/** A damaged item must not fill the memory. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** The properties of a repository that GitHub's lists have. */
const ListedRepository = z.object({
  repositoryName: z.string(),
  isArchived: z.boolean().optional(),
  isDisabled: z.boolean().optional(),
  isFork: z.boolean().optional(),
  language: z.string().nullable().optional(),
  sizeKiB: z.number().optional(),
});
export type ListedRepository = z.infer<typeof ListedRepository>;

/** The repositories of an owner as GitHub listed them. */
export type Listing = { listedAt: string; repositories: ListedRepository[] };

const Item = z.object({ listedAt: z.iso.datetime(), repositories: z.instanceof(Uint8Array) });
const Repositories = z.array(ListedRepository);

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
      const text = gunzipSync(data.repositories, { maxOutputLength: MAX_TEXT_BYTES }).toString('utf8');
      return { listedAt: data.listedAt, repositories: Repositories.parse(JSON.parse(text)) };
    } catch {
      return undefined;
    }
  }

  /** Keeps a listing for the other processes, unless it is too long for an item. */
  async put(owner: string, { listedAt, repositories }: Listing): Promise<void> {
    const packed = gzipSync(JSON.stringify(repositories));
    if (packed.length > MAX_ITEM_BYTES) return;
    await this.#client.send(
      new PutCommand({
        TableName: this.#table,
        Item: { jobId: keyOf(owner), listedAt, repositories: packed, expiresAt: expiry(listedAt, KEPT_DAYS) },
      }),
    );
  }
}

/** GitHub ignores case in owners. */
function keyOf(owner: string): string {
  return `listing#${owner.toLowerCase()}`;
}
