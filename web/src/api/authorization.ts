import type { Config } from '../app/config.ts';
import type { Session } from './oidc.ts';

let session: Session | undefined;
/** The tokens that the API has accepted. A request may still wait with the one before. */
const accepted = new Set<string>();

/** Kept from a sign-out until the person asks for the next sign-in, which the issuer might not ask for anything. */
const SIGNED_OUT = 'cody-batch-signed-out';

/** Opens a session if the environment has an issuer; the library is not loaded otherwise. */
export async function openSignIn({ issuer, clientId }: Config): Promise<void> {
  if (!issuer || !clientId) return;
  const { openSession } = await import('./oidc.ts');
  session = await openSession(issuer, clientId);
}

/** Whether callers sign in here. */
export function hasSignIn(): boolean {
  return session !== undefined;
}

/** Whether this tab was left by a sign-out. */
export function isSignedOut(): boolean {
  return hasSignIn() && sessionStorage.getItem(SIGNED_OUT) !== null;
}

/** Leaves for the issuer, and returns to this view. */
export function signInAgain(): void {
  sessionStorage.removeItem(SIGNED_OUT);
  if (session) void session.signIn();
  else location.reload();
}

export async function signOut(): Promise<void> {
  sessionStorage.setItem(SIGNED_OUT, '1');
  await session?.signOut();
}

/**
 * Sends a request as the caller. A token that the API no longer accepts is renewed once, by the person if need be. A new
 * token that is refused is an error of the deployment: signing in again would not end.
 */
export async function sendAsCaller(
  send: (headers: Record<string, string>) => Promise<Response>,
): Promise<Response> {
  if (!session) return send({});
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const token = await session.token();
  const response = await send(bearer(token));
  if (response.status !== 401) {
    accepted.add(token);
    return response;
  }
  return accepted.has(token) ? send(bearer(await session.renewed(token))) : response;
}
