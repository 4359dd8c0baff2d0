import * as oauth from 'oauth4webapi';
import type { Issuer } from './issuer.ts';

const PENDING = 'cody-batch-sign-in';

/** What the answer of the issuer has to fit, and the view to return to. */
type Pending = { state: string; nonce: string; verifier: string; view: string };

/** Goes to the issuer. Never returns: the browser leaves the page. */
export async function toIssuer({ server, client }: Issuer): Promise<never> {
  const pending: Pending = {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
    view: location.pathname + location.search,
  };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const target = new URL(server.authorization_endpoint!);
  for (const [name, value] of Object.entries({
    client_id: client.client_id,
    response_type: 'code',
    scope: 'openid email',
    redirect_uri: redirectUri(),
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    state: pending.state,
    nonce: pending.nonce,
  })) {
    target.searchParams.set(name, value);
  }
  location.replace(target);
  return new Promise(() => {});
}

/**
 * The tokens for the code in this page's address; undefined if this load is not a return from the issuer, or one that this
 * tab did not ask for. The address is the wanted view again before anything else happens.
 */
export async function takeAnswer(issuer: Issuer): Promise<oauth.TokenEndpointResponse | undefined> {
  const here = new URL(location.href);
  const { searchParams } = here;
  const isAnswer = searchParams.has('state') && (searchParams.has('code') || searchParams.has('error'));
  if (here.pathname !== '/' || !isAnswer) return undefined;
  const stored = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  const pending = stored ? (JSON.parse(stored) as Pending) : undefined;
  history.replaceState(null, '', pending?.view ?? '/');
  if (!pending) return undefined;
  try {
    return await tokensFor(issuer, here, pending);
  } catch (error) {
    throw new Error(`The answer of ${issuer.server.issuer} was refused: ${(error as Error).message}`);
  }
}

async function tokensFor({ server, client, options }: Issuer, answer: URL, pending: Pending) {
  const parameters = oauth.validateAuthResponse(server, client, answer, pending.state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    parameters,
    redirectUri(),
    pending.verifier,
    options,
  );
  return oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: pending.nonce,
    requireIdToken: true,
  });
}

/** The one address that is registered with the issuer. */
function redirectUri(): string {
  return `${location.origin}/`;
}
