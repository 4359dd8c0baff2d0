import { type DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { ulid } from 'ulid';
import { AuditLine } from '../audit.ts';
import { InvalidInputError } from '../errors.ts';
import type { Settings } from '../settings.ts';
import { putWhere, updateWhere } from './conditional-write.ts';
import { ENTITY_INDEX, expiry } from './tables.ts';

/** Longer than an audit asks for: the lines are small. */
const AUDIT_DAYS = 400;

const auditKey = (auditId: string) => `audit#${auditId}`;

/** What administrators did: one item of the jobs table for each action, written before the action and again after it. */
export class AuditLog {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, settings: Pick<Settings, 'jobsTable'>) {
    this.#client = client;
    this.#table = settings.jobsTable;
  }

  /** Writes the line of an action that is about to begin, and returns its identifier. */
  async begin(line: Omit<AuditLine, 'auditId' | 'outcome' | 'after' | 'error'>): Promise<string> {
    const auditId = ulid(Date.parse(line.at));
    await putWhere(this.#client, {
      TableName: this.#table,
      Item: {
        ...line,
        ...{ jobId: auditKey(auditId), auditId, entity: 'audit', createdAt: line.at, outcome: 'begun' },
        expiresAt: expiry(line.at, AUDIT_DAYS),
      },
      condition: 'attribute_not_exists(jobId)',
    });
    return auditId;
  }

  /** Records how the action ended. A line that has ended stays as it is. */
  async end(
    auditId: string,
    end: Pick<AuditLine, 'outcome'> & Partial<Pick<AuditLine, 'before' | 'after' | 'error'>>,
  ): Promise<void> {
    await updateWhere(
      this.#client,
      { TableName: this.#table, Key: { jobId: auditKey(auditId) } },
      { set: { ...end }, condition: 'outcome = :begun', values: { ':begun': 'begun' } },
    );
  }

  /** A page of lines, newest first. `cursor` is that of the page before. */
  async list({ limit, cursor }: { limit: number; cursor?: string | undefined }): Promise<{
    lines: AuditLine[];
    cursor?: string;
  }> {
    const { Items = [], LastEvaluatedKey: last } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        IndexName: ENTITY_INDEX,
        KeyConditionExpression: 'entity = :audit',
        ExpressionAttributeValues: { ':audit': 'audit' },
        ScanIndexForward: false,
        Limit: limit,
        ...(cursor !== undefined && { ExclusiveStartKey: keyOf(cursor) }),
      }),
    );
    const lines = Items.flatMap((item) => AuditLine.safeParse(item).data ?? []);
    return { lines, ...(last && { cursor: `${last.createdAt}_${last.jobId.slice('audit#'.length)}` }) };
  }
}

/** Throws InvalidInputError for a cursor that `list` did not make. */
function keyOf(cursor: string): Record<string, string> {
  const [, createdAt, auditId] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)_([0-9A-HJKMNP-TV-Z]{26})$/.exec(cursor) ?? [];
  if (createdAt && auditId) return { jobId: auditKey(auditId), createdAt, entity: 'audit' };
  throw new InvalidInputError('The cursor was not made by this API.', {
    field: 'cursor',
    received: cursor.slice(0, 100),
    expected: 'the cursor of the page before',
  });
}
