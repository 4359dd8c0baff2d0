import type { Context } from '../context.ts';
import { HttpError } from './problem.ts';

/** A drain lasts as long as its maintenance; callers ask again once a minute. */
const RETRY_AFTER_SECONDS = 60;

/** Throws 503 while an administrator lets no run start. */
export async function refuseWhileDrained({ drainState }: Pick<Context, 'drainState'>): Promise<void> {
  const drain = await drainState.get();
  if (!drain) return;
  const why = drain.reason ? ` (${drain.reason})` : '';
  throw new HttpError(
    503,
    `An administrator has drained this environment at ${drain.since}${why}: runs under way go on, and none starts. Send the request again later.`,
    { 'retry-after': String(RETRY_AFTER_SECONDS) },
  );
}
