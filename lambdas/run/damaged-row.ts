import type { AsWritten } from '../../core/job.ts';
import { describeAsWritten } from '../../core/store/stored.ts';
import { logger } from '../logger.ts';
import { measure } from '../metrics.ts';

/** Logs and counts a row that has values that no version writes: someone edited it, or its item is damaged. */
export function reportDamagedRow(
  row: { jobId: string; repositoryName?: string },
  asWritten: AsWritten = {},
): void {
  const { jobId, repositoryName } = row;
  const of = repositoryName ?? `the job ${jobId}`;
  logger.warn(`The row of ${of} has values that this version does not write`, {
    ...row,
    asWritten: describeAsWritten(asWritten),
  });
  measure({ values: { DamagedRows: 1 }, about: { jobId, repositoryName } });
}
