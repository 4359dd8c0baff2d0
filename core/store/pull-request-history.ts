import { DeleteCommand, type DynamoDBDocumentClient, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { PullRequestDay } from '../pull-request-day.ts';
import type { Settings } from '../settings.ts';
import { expiry } from './tables.ts';

/** No owner of a repository begins with `#`, so no row has a key like this. */
const DAY_KEY_PREFIX = '#pull-requests#';
/** As long as any job lives. */
const MAX_DAYS = 5000;

/** How the pull requests of a job fared, an item a day, in the repositories table. The last write of a day stays. */
export class PullRequestHistory {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #days: number;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'repositoriesTable' | 'RESULT_DAYS'>) {
    this.#client = client;
    this.#table = settings.repositoriesTable;
    this.#days = settings.RESULT_DAYS;
  }

  /** Oldest first. An item that cannot be read is left out. */
  list(jobId: string): Promise<PullRequestDay[]> {
    return this.#query(jobId, { ScanIndexForward: true, Limit: MAX_DAYS });
  }

  async newest(jobId: string): Promise<PullRequestDay | undefined> {
    const [day] = await this.#query(jobId, { ScanIndexForward: false, Limit: 1 });
    return day;
  }

  /** It expires with its job. */
  async put(jobId: string, day: PullRequestDay, at: string, jobExpiresAt?: string): Promise<void> {
    const expiresAt = jobExpiresAt ? expiry(jobExpiresAt, 0) : expiry(at, this.#days);
    await this.#client.send(
      new PutCommand({
        TableName: this.#table,
        Item: { jobId, repositoryName: `${DAY_KEY_PREFIX}${day.day}`, ...day, expiresAt },
      }),
    );
  }

  async remove(jobId: string, day: string): Promise<void> {
    const Key = { jobId, repositoryName: `${DAY_KEY_PREFIX}${day}` };
    await this.#client.send(new DeleteCommand({ TableName: this.#table, Key }));
  }

  async #query(jobId: string, page: { ScanIndexForward: boolean; Limit: number }): Promise<PullRequestDay[]> {
    const { Items = [] } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        KeyConditionExpression: 'jobId = :jobId AND begins_with(repositoryName, :day)',
        ExpressionAttributeValues: { ':jobId': jobId, ':day': DAY_KEY_PREFIX },
        ConsistentRead: true,
        ...page,
      }),
    );
    return Items.flatMap((item) => PullRequestDay.safeParse(item).data ?? []);
  }
}
