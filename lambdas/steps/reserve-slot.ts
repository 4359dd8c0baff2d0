import type { z } from 'zod';
import { PullRequestInput, Slot } from '../../core/execution.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { credentialId } from '../github/credential.ts';

/** A shorter wait is over before anybody could read of it. */
const SHOWN_FROM_MS = 1000;

/** `slot` is the answer of this step before a wait. */
export const Input = PullRequestInput.extend({ slot: Slot.optional() });

/**
 * The time, ISO 8601, at which this pull request may be opened: by the job's own perHour, then by that of the GitHub
 * credential. `granted` is false where the job's turn is yet to come: what paces the credential is asked then, because
 * a slot of it that is taken for later would keep other jobs waiting for nothing.
 */
export async function reserveSlot(
  { jobId, repositoryName, slot }: z.infer<typeof Input>,
  { jobs, rateSlots, repositories, settings, now }: Context,
): Promise<Slot> {
  const nowMs = Date.parse(now());
  const { pullRequest } = await jobs.getWhole(jobId);
  if (pullRequest?.perHour && !slot?.ofJob) {
    const turn = await rateSlots.reserve(jobId, pullRequest.perHour, nowMs);
    if (turn > nowMs) return waitUntil(turn, false);
  }
  const credential = await credentialId(settings, repositoryName);
  const at = await rateSlots.reserve(credential, settings.PULL_REQUESTS_PER_HOUR, nowMs);
  return waitUntil(at, true);

  async function waitUntil(atMs: number, granted: boolean) {
    const until = new Date(atMs).toISOString();
    if (atMs - nowMs >= SHOWN_FROM_MS) await repositories.recordSlotWait(jobId, repositoryName, until, now());
    return { at: until, granted, ofJob: true };
  }
}

export const handler = functionHandler(Input, reserveSlot);
