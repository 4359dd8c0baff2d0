import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import type { Context } from '../context.ts';
import { callerOf } from './authorization.ts';
import { HttpError } from './problem.ts';
import type { Route } from './route.ts';

/**
 * Throws 429 if the caller has sent too many writes in this minute, so that a script that went wrong neither starts a hundred
 * jobs nor keeps others from starting theirs. Reading is limited for all callers together, by the stage of API Gateway, and
 * callers who are not verified cannot be told apart.
 */
export async function throttleWrites(
  event: APIGatewayProxyEventV2,
  { method, role }: Pick<Route, 'method' | 'role'>,
  { settings, writeLimits, now }: Context,
): Promise<void> {
  if (method === 'GET' || role === 'open' || settings.AUTHORIZATION === 'none') return;
  const seconds = await writeLimits.retryAfter(callerOf(event) ?? '', now());
  if (seconds === undefined) return;
  throw new HttpError(
    429,
    `You have sent more than ${settings.WRITES_PER_MINUTE} POST and DELETE requests in this minute (WRITES_PER_MINUTE). Send this one again in ${seconds} s.`,
    { 'retry-after': String(seconds) },
  );
}
