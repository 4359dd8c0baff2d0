import { type DynamoDBDocumentClient, QueryCommand, type QueryCommandOutput } from '@aws-sdk/lib-dynamodb';
import type { z } from 'zod';
import type { Counts, PullRequestCounts } from '../job.ts';
import { countsOf, Status } from '../job.ts';
import type { PullRequestRecord } from '../repository-result.ts';
import { RepositoryResult } from '../repository-result.ts';
import type { Settings } from '../settings.ts';
import { SummaryRow } from '../summary-row.ts';
import { readItem } from './stored.ts';
import { JOB_SUMMARY_INDEX, PULL_REQUEST_INDEX } from './tables.ts';

/** The attributes that the index has of a row whose pull request is open. */
const OpenPullRequest = RepositoryResult.pick({
  repositoryName: true,
  pullRequestNumber: true,
  pullRequest: true,
}).required();
export type OpenPullRequest = z.infer<typeof OpenPullRequest>;

/** The same of a row in any state: one that could not be opened has no number. */
const ListedPullRequest = OpenPullRequest.partial({ pullRequestNumber: true });
export type ListedPullRequest = z.infer<typeof ListedPullRequest>;

/** The items of one job in an index whose range key is `{state}#{repositoryName}`. */
type IndexQuery = {
  jobId: string;
  index: typeof JOB_SUMMARY_INDEX | typeof PULL_REQUEST_INDEX;
  /** Only the items in this state. */
  state?: Status | PullRequestRecord['state'];
  filter?: string;
  /** Reads no items, only how many there are. */
  counts?: true;
  /** The most items of a page. */
  limit?: number;
};

/** The indexes of the repositories table: eventually consistent, and cheap enough to be read again and again. */
export class RepositoryIndex {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'repositoriesTable'>) {
    this.#client = client;
    this.#table = settings.repositoriesTable;
  }

  /** The names that the job has rows of, sorted: for a job whose list of them is lost. */
  async listNames(jobId: string): Promise<string[]> {
    return (await this.#names({ jobId, index: JOB_SUMMARY_INDEX })).sort();
  }

  /** The names of completed repositories that have no record of a pull request. */
  async listUntried(jobId: string): Promise<string[]> {
    const [completed, tried] = await Promise.all([
      this.#names({ jobId, index: JOB_SUMMARY_INDEX, state: 'completed' }),
      this.#names({ jobId, index: PULL_REQUEST_INDEX }),
    ]);
    const known = new Set(tried);
    return completed.filter((name) => !known.has(name));
  }

  /** All rows of a job, by name. A value that cannot be read is left out. */
  async listRows(jobId: string): Promise<SummaryRow[]> {
    const rows: SummaryRow[] = [];
    for await (const page of this.rowPages(jobId)) rows.push(...page);
    return rows.sort((a, b) => (a.repositoryName < b.repositoryName ? -1 : 1));
  }

  /** The same a page at a time, by status and name, for what does not need all rows at once. */
  async *rowPages(jobId: string): AsyncGenerator<SummaryRow[]> {
    for await (const { Items = [] } of this.#pages({ jobId, index: JOB_SUMMARY_INDEX }))
      yield Items.map(summaryOf);
  }

  /** The names of up to `limit` repositories that are worked on, in the order of names. */
  async someProcessing(jobId: string, limit: number): Promise<string[]> {
    const query = { jobId, index: JOB_SUMMARY_INDEX, state: 'processing', limit } as const;
    const { value } = await this.#pages(query).next();
    return (value?.Items ?? []).map(
      ({ repositoryName }: Record<string, unknown>) => repositoryName as string,
    );
  }

  /** How many repositories of a job have each status, and how many wait for the model. */
  async countByIndex(jobId: string): Promise<Counts> {
    const index = JOB_SUMMARY_INDEX;
    const byStatus: Partial<Record<Status, number>> = {};
    const count = async (state: Status) => {
      byStatus[state] = await this.#count({ jobId, index, state });
    };
    const [waiting] = await Promise.all([
      this.#count({ jobId, index, state: 'processing', filter: 'attribute_exists(waiting)' }),
      ...Status.options.map(count),
    ]);
    const counts = countsOf(byStatus);
    return waiting > 0 ? { ...counts, waiting } : counts;
  }

  /** How many pull requests of a job are in each state. */
  async countPullRequests(jobId: string): Promise<PullRequestCounts> {
    const count = (state: PullRequestRecord['state']) =>
      this.#count({ jobId, index: PULL_REQUEST_INDEX, state });
    const [open, merged, closed, failed] = await Promise.all([
      count('open'),
      count('merged'),
      count('closed'),
      count('failed'),
    ]);
    return { open, merged, closed, failed };
  }

  /** The pull requests of a job that its rows show as open. Rows that cannot be read are left out. */
  async openPullRequests(jobId: string): Promise<OpenPullRequest[]> {
    const open: OpenPullRequest[] = [];
    for await (const { Items = [] } of this.#pages({ jobId, index: PULL_REQUEST_INDEX, state: 'open' })) {
      for (const item of Items) {
        const { success, data } = OpenPullRequest.safeParse(item);
        if (success) open.push(data);
      }
    }
    return open;
  }

  /** The pull requests of a job in every state, with what could not be opened. Rows that cannot be read are left out. */
  async pullRequests(jobId: string): Promise<ListedPullRequest[]> {
    const found: ListedPullRequest[] = [];
    for await (const { Items = [] } of this.#pages({ jobId, index: PULL_REQUEST_INDEX })) {
      for (const item of Items) {
        const { success, data } = ListedPullRequest.safeParse(item);
        if (success) found.push(data);
      }
    }
    return found;
  }

  async #names(query: IndexQuery): Promise<string[]> {
    const names: string[] = [];
    for await (const { Items = [] } of this.#pages(query))
      names.push(...Items.map(({ repositoryName }) => repositoryName as string));
    return names;
  }

  async #count(query: IndexQuery): Promise<number> {
    let count = 0;
    for await (const { Count = 0 } of this.#pages({ ...query, counts: true })) count += Count;
    return count;
  }

  async *#pages({
    jobId,
    index,
    state,
    filter,
    counts,
    limit,
  }: IndexQuery): AsyncGenerator<QueryCommandOutput> {
    const key = index === JOB_SUMMARY_INDEX ? 'statusKey' : 'pullRequestKey';
    const prefix = state && `${state}#`;
    let from: Record<string, unknown> | undefined;
    do {
      const page: QueryCommandOutput = await this.#client.send(
        new QueryCommand({
          TableName: this.#table,
          IndexName: index,
          KeyConditionExpression: `jobId = :jobId${prefix ? ` AND begins_with(${key}, :prefix)` : ''}`,
          ExpressionAttributeValues: { ':jobId': jobId, ...(prefix && { ':prefix': prefix }) },
          ...(counts && { Select: 'COUNT' }),
          ...(limit && { Limit: limit }),
          ...(filter && { FilterExpression: filter }),
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      yield page;
      from = page.LastEvaluatedKey;
    } while (from);
  }
}

function summaryOf(item: Record<string, unknown>): SummaryRow {
  const [status] = (item.statusKey as string).split('#');
  const row = { ...item, status, prNumber: item.pullRequestNumber };
  const { success, data } = SummaryRow.safeParse(row);
  if (success) return data;
  const { asWritten: _, ...readable } = readItem(SummaryRow, row, { fallbacks: {} });
  return readable;
}
