import { countsOf, type JobRow, newJobId } from '../../core/job.ts';
import { defaultJobSettings, parseSettings } from '../../core/settings.ts';
import { NO_TOKENS } from '../../core/usage.ts';

/** The creation time of rows in tests. */
export const AT = '2026-11-22T00:00:00.000Z';

/** A job of one repository that has just started. */
export function jobRow(fields: Partial<JobRow> = {}): JobRow {
  return {
    jobId: newJobId(),
    name: 'A job',
    type: 'code-pattern-update',
    maxRepositories: 1,
    maxConcurrency: 1,
    maxCostUsd: 1,
    createPullRequests: false,
    settings: defaultJobSettings(parseSettings({})),
    run: 1,
    action: 'analyze',
    status: 'processing',
    counts: countsOf({ processing: 1 }),
    tokenUsage: NO_TOKENS,
    createdAt: AT,
    updatedAt: AT,
    ...fields,
  };
}
