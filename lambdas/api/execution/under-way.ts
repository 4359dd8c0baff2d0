import { z } from 'zod';
import { isRunning, type JobRow } from '../../../core/job.ts';
import { mayTouch, type RepositoryAccess } from '../../../core/repository-access.ts';
import { Phase } from '../../../core/repository-result.ts';
import type { Context } from '../../context.ts';

/** What is in a state of a lane of repositories now. */
export const Now = z.object({
  /** How many repositories are there. */
  count: z.int(),
  /** Since when that of them has been there which has been there longest; of those that were looked at. */
  since: z.string().optional(),
  /** When the first of those that wait goes on. */
  until: z.string().optional(),
  /** What workers do; `queued`: Batch has not started them. At most 100 repositories are looked at. */
  phases: z.partialRecord(z.enum([...Phase.options, 'queued']), z.int()).optional(),
});
export type Now = z.infer<typeof Now>;

/** So many rows are read for phases and times, whatever the number of repositories. */
const MAX_ROWS = 100;
const ATTRIBUTES = ['repositoryName', 'run', 'phase', 'waiting', 'submittedAt', 'startedAt'] as const;

export type UnderWay = { inBatch: Now; waiting: Now };

/**
 * Where the repositories that the job works on are: in Batch, or waiting for the model's service. The job's counts are of those
 * that the caller may touch.
 */
export async function underWay(
  job: JobRow,
  access: RepositoryAccess,
  context: Context,
): Promise<UnderWay | undefined> {
  if (!isRunning(job.status) || job.counts.processing === 0) return undefined;
  const { repositories, repositoryIndex } = context;
  const some = await repositoryIndex.someProcessing(job.jobId, MAX_ROWS);
  const names = some.filter((name) => mayTouch(access, name));
  const found = await repositories.getMany(job.jobId, names, [...ATTRIBUTES], { consistent: false });
  const rows = found.filter(({ run }) => run === job.run);
  const waiting = rows.filter((row) => row.waiting);
  const inBatch = rows.filter((row) => !row.waiting);
  const waitingCount = job.counts.waiting ?? 0;
  const phases: NonNullable<Now['phases']> = {};
  for (const { startedAt, phase } of inBatch) {
    const name = startedAt === undefined ? 'queued' : (phase ?? 'cloning');
    phases[name] = (phases[name] ?? 0) + 1;
  }
  return {
    inBatch: {
      count: job.counts.processing - waitingCount,
      ...given('since', earliest(inBatch.map(({ startedAt, submittedAt }) => startedAt ?? submittedAt))),
      ...(inBatch.length > 0 && { phases }),
    },
    waiting: {
      count: waitingCount,
      ...given('until', earliest(waiting.map((row) => row.waiting?.until))),
    },
  };
}

function earliest(times: (string | undefined)[]): string | undefined {
  return times
    .filter((time) => time !== undefined)
    .sort()
    .at(0);
}

function given(name: 'since' | 'until', value: string | undefined): Partial<Now> {
  return value === undefined ? {} : { [name]: value };
}
