import * as oauth from 'oauth4webapi';

const PENDING = 'cody-batch-sign-in';
const REFRESH = 'cody-batch-refresh';
/** A token is renewed this long before it expires. */
const EARLY_MS = 60_000;

type Pending = { state: string; nonce: string; verifier: string; path: string };
type Session = { token: string; expiresAt: number };

/**
 * Signs in by the OIDC code flow with PKCE. Returns a source of fresh tokens. The ID token is sent: its `email` names the
 * caller. It is kept in memory; only the refresh token survives a reload, in this tab's session storage.
 */
export async function openSession(issuer: string, clientId: string): Promise<() => Promise<string>> {
  const url = new URL(issuer);
  const server = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url));
  const client: oauth.Client = { client_id: clientId };
  let session = await returned(server, client);
  return async () => {
    if (!session || session.expiresAt - EARLY_MS < Date.now()) session = await refreshed(server, client);
    if (!session) return leave(server, client);
    return session.token;
  };
}

/** The session of a redirect from the issuer; undefined if this load is not one. */
async function returned(
  server: oauth.AuthorizationServer,
  client: oauth.Client,
): Promise<Session | undefined> {
  const here = new URL(location.href);
  const stored = sessionStorage.getItem(PENDING);
  if (!stored || !here.searchParams.has('state')) return undefined;
  sessionStorage.removeItem(PENDING);
  const pending = JSON.parse(stored) as Pending;
  const parameters = oauth.validateAuthResponse(server, client, here, pending.state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    parameters,
    redirectUri(),
    pending.verifier,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: pending.nonce,
    requireIdToken: true,
  });
  history.replaceState(null, '', pending.path);
  return sessionOf(tokens);
}

async function refreshed(
  server: oauth.AuthorizationServer,
  client: oauth.Client,
): Promise<Session | undefined> {
  const refreshToken = sessionStorage.getItem(REFRESH);
  if (!refreshToken) return undefined;
  try {
    const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), refreshToken);
    return sessionOf(await oauth.processRefreshTokenResponse(server, client, response));
  } catch {
    sessionStorage.removeItem(REFRESH);
    return undefined;
  }
}

/** Goes to the issuer. Never returns: the browser leaves the page. */
async function leave(server: oauth.AuthorizationServer, client: oauth.Client): Promise<never> {
  const pending: Pending = {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
    path: location.pathname + location.search,
  };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const target = new URL(server.authorization_endpoint!);
  target.search = new URLSearchParams({
    client_id: client.client_id,
    response_type: 'code',
    scope: 'openid email',
    redirect_uri: redirectUri(),
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    state: pending.state,
    nonce: pending.nonce,
  }).toString();
  location.assign(target);
  return new Promise(() => {});
}

function sessionOf({ id_token, expires_in = 3600, refresh_token }: oauth.TokenEndpointResponse): Session {
  if (refresh_token) sessionStorage.setItem(REFRESH, refresh_token);
  if (!id_token) throw new Error('The issuer sent no ID token. Allow the scope openid to this client.');
  return { token: id_token, expiresAt: Date.now() + expires_in * 1000 };
}

/** The one address that is registered with the issuer; the wanted path waits in `Pending`. */
function redirectUri(): string {
  return `${location.origin}/`;
}
