import {
  CreateBackupCommand,
  DescribeContinuousBackupsCommand,
  DynamoDBClient,
  ListBackupsCommand,
} from '@aws-sdk/client-dynamodb';
import type { Settings } from '../settings.ts';

export type TableBackups = {
  table: string;
  /** The times between which the table can be restored to any second. Absent if point-in-time recovery is off. */
  restorableFrom?: string;
  restorableTo?: string;
  /** The newest backups, newest first. */
  backups: { name: string; arn: string; createdAt: string; status: string }[];
};

/** The backups of the two tables, in DynamoDB. */
export class Backups {
  readonly #client: DynamoDBClient;
  readonly #tables: readonly string[];

  constructor(settings: Settings) {
    this.#client = new DynamoDBClient({
      region: settings.DYNAMODB_REGION ?? settings.AWS_REGION,
      ...(settings.DYNAMODB_ENDPOINT && { endpoint: settings.DYNAMODB_ENDPOINT }),
    });
    this.#tables = [settings.jobsTable, settings.repositoriesTable];
  }

  /** Starts a backup of each table. `name` is added to the table's. */
  async createBackups(name: string): Promise<{ table: string; arn: string; status: string }[]> {
    return Promise.all(
      this.#tables.map(async (table) => {
        const { BackupDetails } = await this.#client.send(
          new CreateBackupCommand({ TableName: table, BackupName: `${table}-${name}` }),
        );
        return { table, arn: BackupDetails!.BackupArn!, status: BackupDetails!.BackupStatus! };
      }),
    );
  }

  async describeBackups(): Promise<TableBackups[]> {
    return Promise.all(this.#tables.map((table) => this.#ofTable(table)));
  }

  async #ofTable(table: string): Promise<TableBackups> {
    const [continuous, listed] = await Promise.all([
      this.#client.send(new DescribeContinuousBackupsCommand({ TableName: table })),
      this.#client.send(new ListBackupsCommand({ TableName: table, Limit: 10 })),
    ]);
    const point = continuous.ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
    const isOn = point?.PointInTimeRecoveryStatus === 'ENABLED';
    const found = (listed.BackupSummaries ?? []).map((backup) => ({
      name: backup.BackupName!,
      arn: backup.BackupArn!,
      createdAt: backup.BackupCreationDateTime!.toISOString(),
      status: backup.BackupStatus!,
    }));
    return {
      table,
      ...(isOn && {
        restorableFrom: point.EarliestRestorableDateTime?.toISOString(),
        restorableTo: point.LatestRestorableDateTime?.toISOString(),
      }),
      backups: found.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)),
    };
  }
}
