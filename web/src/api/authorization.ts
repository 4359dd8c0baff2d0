import type { Config } from '../app/config.ts';

let tokenSource: (() => Promise<string>) | undefined;

/** Signs in where the environment has an issuer; the library is not loaded otherwise. */
export async function signIn(config: Config): Promise<void> {
  if (!config.issuer || !config.clientId) return;
  const { openSession } = await import('./oidc.ts');
  tokenSource = await openSession(config.issuer, config.clientId);
}

/** The headers that prove the caller; none if the environment does not ask for a sign-in. */
export async function authorizationHeaders(): Promise<Record<string, string>> {
  return tokenSource ? { authorization: `Bearer ${await tokenSource()}` } : {};
}
