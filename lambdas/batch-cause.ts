import type { CaughtError } from '../core/execution.ts';
import { describeStepFailure } from './step-failure.ts';

/** What a failed Batch job says of itself, as far as a user can act on it. */
export type BatchFailure = {
  reason: string;
  exitCode?: number;
  batchJobId?: string;
  logStream?: string;
  attempts?: number;
  /** ISO 8601; absent where no attempt ran. */
  startedAt?: string;
};

type JobDetail = {
  JobId?: string;
  StatusReason?: string;
  /** Epoch milliseconds. */
  StartedAt?: number;
  Attempts?: {
    Container?: { ExitCode?: number; Reason?: string; LogStreamName?: string };
    StatusReason?: string;
  }[];
};

/**
 * Reads the Cause of a failed `.sync` job: a JobDetail as a JSON string, but plain text where Batch never had the job
 * or the state timed out. Never throws: this is read where a failure is being recorded.
 */
export function describeBatchFailure({ Error: name, Cause: cause = '' }: CaughtError): BatchFailure {
  const job = parseJob(cause);
  if (!job) {
    const said = describeStepFailure({ Error: name, Cause: cause });
    return { reason: said.message === said.name ? said.name : `${said.name}: ${said.message}` };
  }
  const last = job.Attempts?.at(-1);
  const reasons = [job.StatusReason, last?.StatusReason, last?.Container?.Reason].filter(
    (text) => text !== undefined,
  );
  const exitCode = last?.Container?.ExitCode;
  return {
    reason: [...new Set(reasons)].join('; ') || name,
    ...(exitCode !== undefined && { exitCode }),
    ...(job.JobId && { batchJobId: job.JobId }),
    ...(last?.Container?.LogStreamName && { logStream: last.Container.LogStreamName }),
    ...(job.StartedAt && { startedAt: new Date(job.StartedAt).toISOString() }),
    ...(job.Attempts && { attempts: job.Attempts.length }),
  };
}

function parseJob(cause: string): JobDetail | undefined {
  try {
    const value: unknown = JSON.parse(cause);
    return typeof value === 'object' && value !== null && 'JobId' in value ? (value as JobDetail) : undefined;
  } catch {
    return undefined;
  }
}
