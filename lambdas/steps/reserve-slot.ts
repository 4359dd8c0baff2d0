import type { z } from 'zod';
import { PullRequestInput } from '../../core/execution.ts';
import { functionHandler } from '../function-handler.ts';
import { credentialId } from '../github/client.ts';
import type { Storage } from '../storage.ts';

export const Input = PullRequestInput;

/** The time, ISO 8601, at which this pull request may be opened: per GitHub credential, and per job where it asks. */
export async function reserveSlot(
  { jobId }: z.infer<typeof Input>,
  { jobs, settings, now }: Storage,
): Promise<{ at: string }> {
  const job = await jobs.get(jobId);
  const perHour = Math.min(
    job.pullRequest?.perHour ?? Number.POSITIVE_INFINITY,
    settings.PULL_REQUESTS_PER_HOUR,
  );
  const slot = await jobs.reserveSlot(await credentialId(settings), perHour, Date.parse(now()));
  return { at: new Date(slot).toISOString() };
}

export const handler = functionHandler(Input, reserveSlot);
