import { DamagedRowError } from '../errors.ts';
import { parseExecutionName } from '../execution.ts';
import { JobRow } from '../job.ts';
import { NO_TOKENS } from '../usage.ts';
import { describeAsWritten, type Readable, readItem } from './stored.ts';
import { fromItem } from './tables.ts';

/** Values shown for attributes that cannot be read. No run works by them: see `requireWhole`. */
const FALLBACKS: Omit<JobRow, 'jobId' | 'status' | 'run'> = {
  name: '',
  type: '',
  maxRepositories: 0,
  maxConcurrency: 1,
  maxCostUsd: 0,
  createPullRequests: false,
  settings: {
    model: '',
    maxTurns: 1,
    maxCostUsd: 0,
    maxMinutes: 1,
    maxFiles: 1,
    maxPatchKiB: 1,
    shell: false,
    setup: [],
    verify: [],
    include: [],
    exclude: [],
    allowProtected: [],
  },
  action: 'analyze',
  counts: { total: 0, pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 },
  tokenUsage: NO_TOKENS,
  createdAt: '',
  updatedAt: '',
};

/** The attributes that a run works by; the others are results of earlier runs, or for readers only. */
const WORKED_BY: readonly (string & keyof JobRow)[] = [
  'run',
  'action',
  'request',
  'settings',
  'pullRequest',
  'createPullRequests',
  'maxRepositories',
  'maxConcurrency',
  'maxCostUsd',
];

export function readJob(item: Record<string, unknown>): Readable<JobRow> {
  // The name of the newest run's execution has the run's number, for a row whose own number cannot be read.
  const execution = typeof item.executionArn === 'string' ? item.executionArn.split(':').at(-1)! : '';
  return readItem(JobRow, fromItem(item), {
    fallbacks: { ...FALLBACKS, jobId: String(item.jobId), run: parseExecutionName(execution)?.run ?? 1 },
  });
}

/** Throws DamagedRowError if an attribute that a run of the job works by cannot be read. */
export function requireWhole(job: Readable<JobRow>): void {
  const damaged = WORKED_BY.filter((name) => name in (job.asWritten ?? {}));
  if (damaged.length === 0) return;
  const found = Object.fromEntries(damaged.map((name) => [name, job.asWritten![name]]));
  throw new DamagedRowError(
    `The row of the job ${job.jobId} has values that this version does not write (${describeAsWritten(found)}). Correct it in the jobs table, or start the job anew by POST /jobs.`,
    { field: damaged[0]!, received: found[damaged[0]!] },
  );
}
