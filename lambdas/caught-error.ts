import { truncateMessage } from '../core/errors.ts';
import type { CaughtError } from '../core/execution.ts';
import type { ErrorDescription } from '../core/job.ts';

/**
 * Describes the error of a Lambda function that a Catch passes on. Its Cause is `{errorType, errorMessage, trace}` as a
 * JSON string, or plain text if Step Functions itself wrote it. Never throws.
 */
export function describeFunctionError({ Error: name, Cause: cause = '' }: CaughtError): ErrorDescription {
  const { errorType, errorMessage } = parseObject(cause) ?? {};
  if (typeof errorMessage !== 'string') return { name, message: truncateMessage(cause || name) };
  return { name: typeof errorType === 'string' ? errorType : name, message: truncateMessage(errorMessage) };
}

/** The parts of a failed Batch job that a user can act on. */
export type BatchFailure = {
  reason: string;
  exitCode?: number;
  batchJobId?: string;
  logStream?: string;
  attempts?: number;
  /** ISO 8601; absent if no attempt ran. */
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
 * Describes the error of a Batch job (`.sync`) that a Catch passes on. Its Cause is a JobDetail as a JSON string, or plain
 * text if Batch rejected the job or the state timed out. Never throws.
 */
export function describeBatchFailure(error: CaughtError): BatchFailure {
  const cause = parseObject(error.Cause ?? '');
  if (!cause || !('JobId' in cause)) {
    const { name, message } = describeFunctionError(error);
    return { reason: message === name ? name : `${name}: ${message}` };
  }
  const job = cause as JobDetail;
  const last = job.Attempts?.at(-1);
  const reasons = [job.StatusReason, last?.StatusReason, last?.Container?.Reason].filter(
    (text) => text !== undefined,
  );
  const exitCode = last?.Container?.ExitCode;
  return {
    reason: [...new Set(reasons)].join('; ') || error.Error,
    ...(exitCode !== undefined && { exitCode }),
    ...(job.JobId && { batchJobId: job.JobId }),
    ...(last?.Container?.LogStreamName && { logStream: last.Container.LogStreamName }),
    ...(job.StartedAt && { startedAt: new Date(job.StartedAt).toISOString() }),
    ...(job.Attempts && { attempts: job.Attempts.length }),
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
