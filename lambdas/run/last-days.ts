import type { JobRow } from '../../core/job.ts';

/** Long enough for a run: one state of it may take a week. */
const LAST_DAYS = 7;

/**
 * Whether the job could expire under another run: in its last 7 days, or in the second half of its life if it lives for
 * less than two weeks.
 */
export function expiresTooSoon(
  { createdAt, expiresAt }: Pick<JobRow, 'createdAt' | 'expiresAt'>,
  at: string,
): boolean {
  if (expiresAt === undefined) return false;
  const created = Date.parse(createdAt);
  const expires = Date.parse(expiresAt);
  return Date.parse(at) >= Math.max(expires - LAST_DAYS * 86_400_000, (created + expires) / 2);
}
