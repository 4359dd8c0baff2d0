import type { EvaluateOnExit } from '@aws-sdk/client-batch';

/** Batch's limit. An interrupted Spot host uses one attempt; the next one resumes from the checkpoint. */
export const WORKER_ATTEMPTS = 10;

/** The exit status of a worker with a bug, or with an error that another attempt would meet again. */
export const WORKER_FAILED = 1;
/** The exit status of a worker that got SIGTERM (128 + 15), as from Spot. */
export const WORKER_STOPPED = 143;
/** The exit status of a worker that met a service error of AWS. EX_TEMPFAIL of BSD. */
export const WORKER_TROUBLED = 75;

/**
 * The rules that end a repository at once. Every other failure is retried, such as a lost host: its status reason is
 * "Your Spot Task was interrupted.", its exit status 143, 137 or absent.
 */
export const NOT_TRIED_AGAIN: EvaluateOnExit[] = [
  // A retry would run out of memory again.
  { action: 'EXIT', onReason: 'OutOfMemoryError*' },
  // V8 ran out of heap and aborted (128 + SIGABRT).
  { action: 'EXIT', onExitCode: '134' },
  { action: 'EXIT', onExitCode: String(WORKER_FAILED) },
];
