import * as oauth from 'oauth4webapi';
import { discover, type Issuer } from './issuer.ts';
import { takeAnswer, toIssuer } from './sign-in-redirect.ts';

const REFRESH = 'cody-batch-refresh';
/** A token is renewed this long before it expires. */
const EARLY_MS = 60_000;
/** A sign-out does not wait longer for the issuer. */
const REVOKE_MS = 5000;
const NEVER = new Promise<never>(() => {});

type Tokens = { idToken: string; expiresAt: number };

export type Session = {
  /** A token that is valid now. Never returns if the person has to sign in: the browser leaves the page. */
  token(): Promise<string>;
  /** Another token than this one, which the API has refused. */
  renewed(refused: string): Promise<string>;
  /** Leaves for the issuer, and returns to this view. */
  signIn(): Promise<never>;
  signOut(): Promise<void>;
};

/**
 * Opens a session by the OIDC code flow with PKCE. The ID token is sent: its `email` names the caller. It is kept in
 * memory; only the refresh token survives a reload, in this tab's session storage. Throws if the issuer cannot be used, or
 * if its answer is not one to the request of this tab.
 */
export async function openSession(issuerUrl: string, clientId: string): Promise<Session> {
  const issuer = await discover(new URL(issuerUrl), clientId);
  const answer = await takeAnswer(issuer);
  let tokens = answer && tokensOf(answer);
  let renewing: Promise<Tokens> | undefined;
  const renew = async () => {
    tokens = await refreshed(issuer);
    return tokens ?? toIssuer(issuer);
  };
  // Requests that wait share one renewal: a refresh token that is used twice ends the whole sign-in.
  const next = async () => {
    renewing ??= renew().finally(() => {
      renewing = undefined;
    });
    return (await renewing).idToken;
  };
  let isLeaving = false;
  const isFresh = () => tokens && tokens.expiresAt - EARLY_MS > Date.now();
  return {
    // After a sign-out nothing may sign in again before the browser has left.
    token: async () => (isLeaving ? NEVER : isFresh() ? tokens!.idToken : next()),
    renewed: async (refused) =>
      isLeaving ? NEVER : isFresh() && tokens!.idToken !== refused ? tokens!.idToken : next(),
    signIn: () => toIssuer(issuer),
    signOut: async () => {
      isLeaving = true;
      await revoke(issuer);
      location.replace(endAddress(issuer));
    },
  };
}

/** Returns undefined if the person has to sign in again. Throws if the issuer cannot be asked now. */
async function refreshed({ server, client, options }: Issuer): Promise<Tokens | undefined> {
  const refreshToken = sessionStorage.getItem(REFRESH);
  if (!refreshToken) return undefined;
  const none = oauth.None();
  const response = await oauth.refreshTokenGrantRequest(server, client, none, refreshToken, options);
  if (response.status >= 500) throw new Error(`The sign-in at ${server.issuer} answered ${response.status}.`);
  try {
    return tokensOf(await oauth.processRefreshTokenResponse(server, client, response));
  } catch {
    sessionStorage.removeItem(REFRESH);
    return undefined;
  }
}

function tokensOf(answer: oauth.TokenEndpointResponse): Tokens {
  const { id_token: idToken, refresh_token: refreshToken } = answer;
  if (refreshToken) sessionStorage.setItem(REFRESH, refreshToken);
  if (!idToken) throw new Error('The issuer sent no ID token. Allow the scope openid to this client.');
  return { idToken, expiresAt: oauth.getValidatedIdTokenClaims(answer)!.exp * 1000 };
}

/** Best effort: the token leaves this tab in any case. */
async function revoke({ server, client, options }: Issuer): Promise<void> {
  const refreshToken = sessionStorage.getItem(REFRESH);
  sessionStorage.removeItem(REFRESH);
  if (!refreshToken || !server.revocation_endpoint) return;
  const bounded = { ...options, signal: AbortSignal.timeout(REVOKE_MS) };
  await oauth.revocationRequest(server, client, oauth.None(), refreshToken, bounded).catch(() => {});
}

/** Where the issuer's own session is ended, or this page. Cognito has its own name for where to return to. */
function endAddress({ server, client }: Issuer): string {
  const home = `${location.origin}/`;
  if (!server.end_session_endpoint) return home;
  const address = new URL(server.end_session_endpoint);
  address.searchParams.set('client_id', client.client_id);
  address.searchParams.set('post_logout_redirect_uri', home);
  address.searchParams.set('logout_uri', home);
  return address.href;
}
