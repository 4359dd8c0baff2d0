import { UsageError } from '../../core/errors.ts';
import type { Authorization } from './api-client.ts';
import { storedTokens, storeTokens } from './contexts.ts';

/** A token is renewed so long before its end. */
const MARGIN_MS = 60_000;

/** Finds the token for a deployment: CODY_BATCH_TOKEN, or the token of `login`, which is renewed if it has expired. */
export function authorizationOf(api: string): Authorization {
  return async (isRefused) => {
    const { CODY_BATCH_TOKEN } = process.env;
    if (CODY_BATCH_TOKEN) return `Bearer ${CODY_BATCH_TOKEN}`;
    const stored = storedTokens(api);
    if (!stored) return undefined;
    const isOld = stored.expiresAt !== undefined && Date.parse(stored.expiresAt) < Date.now() + MARGIN_MS;
    if (!isRefused && !isOld) return `Bearer ${stored.accessToken}`;
    const { renew } = await import('./sign-in.ts');
    const renewed = await renew(stored);
    if (!renewed) {
      throw new UsageError(`The sign-in at ${api} has expired. Sign in again: cody-batch login --api ${api}`);
    }
    await storeTokens(api, renewed);
    return `Bearer ${renewed.accessToken}`;
  };
}
