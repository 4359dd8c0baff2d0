import type { JobStatus } from '@aws-sdk/client-batch';

/** A job passes through them in this order, and goes back to RUNNABLE for another attempt. */
export const STATUSES_IN_ORDER: readonly JobStatus[] = [
  ...(['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING'] as const),
  ...(['SUCCEEDED', 'FAILED'] as const),
];

/** Whether a job of this status has ended: its status does not change again. */
export function isBatchJobEnded(status: JobStatus | undefined): status is 'SUCCEEDED' | 'FAILED' {
  return status === 'SUCCEEDED' || status === 'FAILED';
}
