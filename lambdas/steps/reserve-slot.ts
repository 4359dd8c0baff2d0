import type { z } from 'zod';
import { PullRequestInput, Slot } from '../../core/execution.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { credentialId } from '../github/credential.ts';
import { measure } from '../metrics.ts';

/** Shorter waits are not written to the row, and not waited for. */
const MIN_WAIT_MS = 1000;

/** `slot` is the answer of this step before a wait. */
export const Input = PullRequestInput.extend({ slot: Slot.optional() });

/**
 * The time, ISO 8601, at which this pull request may be opened: limited by the job's perHour, then by the hourly rate of the
 * GitHub credential. `granted` is false while the job's own slot is in the future: the credential's slot is reserved only
 * then, because reserving it early would block other jobs.
 */
export async function reserveSlot(
  { jobId, repositoryName, slot }: z.infer<typeof Input>,
  { jobs, rateSlots, repositories, settings, now }: Context,
): Promise<Slot> {
  const nowMs = Date.parse(now());
  const { pullRequest, createdAt } = await jobs.getWhole(jobId);
  if (pullRequest?.perHour && !slot?.ofJob) {
    const turn = await rateSlots.reserve(jobId, pullRequest.perHour, nowMs);
    if (turn > nowMs) return waitUntil(turn, false);
  }
  const credential = await credentialId(settings, repositoryName);
  const at = await rateSlots.reserve(credential, settings.PULL_REQUESTS_PER_HOUR, nowMs);
  return waitUntil(at, true);

  async function waitUntil(atMs: number, granted: boolean) {
    // The state machine waits by its own clock: if that of this function is ahead, even a time of now would be a wait.
    if (atMs - nowMs < MIN_WAIT_MS) return { at: createdAt, granted, ofJob: true };
    const until = new Date(atMs).toISOString();
    await repositories.recordSlotWait(jobId, repositoryName, until, now());
    measure({ values: { PullRequestsWaiting: 1 }, about: { jobId, repositoryName } });
    return { at: until, granted, ofJob: true };
  }
}

export const handler = functionHandler(Input, reserveSlot);
