import { z } from 'zod';
import type { AuditAction, AuditLine } from '../../../core/audit.ts';
import { CodyBatchError } from '../../../core/errors.ts';
import { someText } from '../../../core/some-text.ts';
import type { Context } from '../../context.ts';
import { logger } from '../../logger.ts';

/** Why an administrator does something; it is in the audit log. */
export const Reason = someText(500);

type Changed = Pick<AuditLine, 'before' | 'after'>;

/**
 * Does what an administrator asks for, with a line in the audit log: written before, so that nothing is done without one, and
 * again with what came of it. `act` returns what it changed; it must not return a secret.
 */
export async function audited<Result extends Changed>(
  entry: { action: AuditAction; subject: string; by: string | undefined; reason: string | undefined },
  act: () => Promise<Result>,
  { auditLog, now }: Pick<Context, 'auditLog' | 'now'>,
): Promise<Result & { auditId: string }> {
  const { action, subject, by, reason } = entry;
  const line = { action, subject, at: now(), ...(by && { by }), ...(reason && { reason }) };
  const auditId = await auditLog.begin(line);
  try {
    const result = await act();
    const { before, after } = result;
    await auditLog.end(auditId, { outcome: 'done', before, after });
    logger.info('administration', { audit: { auditId, ...line, outcome: 'done', before, after } });
    return { ...result, auditId };
  } catch (error) {
    const isRefused = error instanceof CodyBatchError && error.statusCode < 500;
    const outcome = isRefused ? 'refused' : 'failed';
    await auditLog.end(auditId, { outcome, error: isRefused ? error.message : (error as Error).name });
    logger.warn('administration', { audit: { auditId, ...line, outcome } });
    throw error;
  }
}

/** What every administration route answers. */
export const Done = z.object({
  /** The line of the audit log. */
  auditId: z.string(),
  before: z.record(z.string(), z.unknown()).optional(),
  after: z.record(z.string(), z.unknown()).optional(),
});
