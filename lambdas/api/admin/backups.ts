import { z } from 'zod';
import { Backups } from '../../../core/store/backups.ts';
import { NotAvailableHereError } from '../problem.ts';
import { route } from '../route.ts';
import { audited, Done, Reason } from './audited.ts';

const body = z.strictObject({ reason: Reason.optional() }).optional();

const TableState = z.object({
  table: z.string(),
  /** The times between which it can be restored to any second. Absent if point-in-time recovery is off. */
  restorableFrom: z.string().optional(),
  restorableTo: z.string().optional(),
  backups: z.array(
    z.object({ name: z.string(), arn: z.string(), createdAt: z.string(), status: z.string() }),
  ),
});

const RestoreCheck = z.object({
  /** Whether every table can be restored, by time or from a backup. */
  isRestorable: z.boolean(),
  /** What is missing, in words. */
  faults: z.array(z.string()),
  tables: z.array(TableState),
});

/** Starts a backup of both tables. Artifacts are in S3, which a backup of the tables does not include. */
export const backUp = route(
  'POST',
  '/admin/backups',
  {
    role: 'admin',
    summary: 'Starts an on-demand backup of both tables.',
    body,
    responses: { 202: Done },
    problems: [409],
  },
  async ({ body, createdBy: by }, context) => {
    const name = context.now().replace(/\D/g, '').slice(0, 14);
    const create = async () => {
      const backups = await onlyOnAws(() => new Backups(context.settings).createBackups(name));
      return { after: { backups } };
    };
    const entry = { action: 'backUp' as const, subject: 'both tables', by, reason: body?.reason };
    return { status: 202, json: await audited(entry, create, context) };
  },
);

/** Whether the tables can be restored now, and to what times. Nothing is restored. */
export const checkRestore = route(
  'GET',
  '/admin/restore-check',
  {
    role: 'admin',
    summary: 'Whether both tables can be restored now, and to what times.',
    responses: { 200: RestoreCheck },
    problems: [409],
  },
  async (_input, { settings }) => {
    const tables = await onlyOnAws(() => new Backups(settings).describeBackups());
    const faults = tables.flatMap(({ table, restorableTo, backups }) => {
      if (restorableTo) return [];
      const has = backups.some(({ status }) => status === 'AVAILABLE');
      return [
        `Point-in-time recovery of ${table} is off${has ? ': only its backups can be restored' : ', and it has no backup'}. Deploy again, which turns it on.`,
      ];
    });
    const isRestorable = tables.every(
      ({ restorableTo, backups }) =>
        restorableTo !== undefined || backups.some(({ status }) => status === 'AVAILABLE'),
    );
    return { json: { isRestorable, faults, tables } };
  },
);

/** The DynamoDB of one machine has no backups. */
async function onlyOnAws<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if ((error as Error).name !== 'UnknownOperationException') throw error;
    throw new NotAvailableHereError(
      'The DynamoDB of this environment has no backups. On one machine, end `cody-batch serve` and copy its data folder; to restore it, start `serve` on the copy (--data).',
    );
  }
}
