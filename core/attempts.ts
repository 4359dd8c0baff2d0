import type { EvaluateOnExit } from '@aws-sdk/client-batch';

/** Batch's own limit. A host that Spot takes away uses one of them; the next resumes from the checkpoint. */
export const WORKER_ATTEMPTS = 10;

/** The exit status of a worker that failed by itself: by a bug, or by what no other attempt would mend. */
export const WORKER_FAILED = 1;
/** The exit status of a worker that was told to stop (128 + SIGTERM), as Spot does. */
export const WORKER_STOPPED = 143;
/** The exit status of a worker whose surroundings failed: a service of AWS that did not answer. EX_TEMPFAIL of BSD. */
export const WORKER_TROUBLED = 75;

/**
 * The rules that end a repository at once. Every other failure is tried again, such as a lost host, which shows by its
 * status reason "Your Spot Task was interrupted.", status 143 or 137, or no exit status at all.
 */
export const NOT_TRIED_AGAIN: EvaluateOnExit[] = [
  // More memory is what would help.
  { action: 'EXIT', onReason: 'OutOfMemoryError*' },
  // V8 ran out of its heap, and aborted (128 + SIGABRT).
  { action: 'EXIT', onExitCode: '134' },
  { action: 'EXIT', onExitCode: String(WORKER_FAILED) },
];
