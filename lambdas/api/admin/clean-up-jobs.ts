import { z } from 'zod';
import type { Context } from '../../context.ts';
import { Executions } from '../../run/executions.ts';
import { route } from '../route.ts';
import { audited, Done, Reason } from './audited.ts';

const DAY_MS = 86_400_000;
/** About 2 MB of rows. */
const MAX_LOOKED_AT = 1000;

const body = z.strictObject({
  /** The age from which an ended job is deleted. */
  olderThanDays: z.int().min(0).max(3650),
  /** Whether it only says what it would delete. @default false */
  dryRun: z.boolean().optional(),
  /** The most jobs of one request. @default 50 */
  limit: z.int().min(1).max(100).optional(),
  reason: Reason.optional(),
});

const CleanedUp = Done.partial({ auditId: true }).extend({
  jobs: z.array(z.string()),
  /** Whether older jobs may be left; send the request again. */
  hasMore: z.boolean(),
});

/** Deletes ended jobs of an age, oldest first, as DELETE /jobs/{jobId} does. */
export const cleanUpJobs = route(
  'POST',
  '/admin/cleanup',
  {
    role: 'admin',
    summary: 'Deletes ended jobs of an age, oldest first, with their results.',
    body,
    responses: { 200: CleanedUp },
  },
  async ({ body: { olderThanDays, dryRun = false, limit = 50, reason }, createdBy }, context) => {
    const before = new Date(Date.parse(context.now()) - olderThanDays * DAY_MS).toISOString();
    const found = await context.jobs.endedBefore(before, { limit, among: MAX_LOOKED_AT });
    const hasMore = found.length === limit;
    if (dryRun) return { json: { jobs: found.map(({ jobId }) => jobId), hasMore } };
    const work = async () => {
      const jobs: string[] = [];
      for (const { jobId, run } of found) if (await remove(jobId, run, context)) jobs.push(jobId);
      return { before: { createdBefore: before }, after: { deleted: jobs.length }, jobs };
    };
    const entry = { action: 'cleanUpJobs' as const, subject: `jobs before ${before}`, by: createdBy, reason };
    return { json: { ...(await audited(entry, work, context)), hasMore } };
  },
);

/** Returns false if the job has run again, or was deleted, since it was listed. */
async function remove(jobId: string, run: number, { jobs, settings, now }: Context): Promise<boolean> {
  if (!(await jobs.markDeleted(jobId, run, now()))) return false;
  // If the start fails, Reconcile starts the deletion later.
  await new Executions(settings).start({ jobId, run: run + 1, action: 'delete' });
  return true;
}
