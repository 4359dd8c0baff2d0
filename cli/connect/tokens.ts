import type { Authorization } from './api-client.ts';
import { storedTokens } from './contexts.ts';

/** What proves to a deployment who calls: CODY_BATCH_TOKEN, or the token of `login`. */
export function authorizationOf(api: string): Authorization {
  return async () => {
    const { CODY_BATCH_TOKEN } = process.env;
    const token = CODY_BATCH_TOKEN ?? storedTokens(api)?.accessToken;
    return token && `Bearer ${token}`;
  };
}
