import * as oidc from 'openid-client';
import { UsageError } from '../../core/errors.ts';
import { SIGN_IN_ADDRESSES } from '../../core/sign-in.ts';
import { ask } from '../terminal/ask.ts';
import { tell } from '../terminal/print.ts';
import { isInteractive } from '../terminal/streams.ts';
import { waitForCallback } from './callback.ts';
import type { StoredTokens } from './contexts.ts';

const SCOPE = 'openid email';

export type Issuer = { issuer: string; clientId: string };

/** How the user signs in: in a browser that this command opens, one that the user opens, or with a code on another device. */
export type Way = 'browser' | 'address' | 'device';

/** Signs in at an OIDC issuer, by the device flow or by the code flow with PKCE. */
export async function signIn(at: Issuer, way: Way): Promise<StoredTokens> {
  const issuer = await discover(at);
  const answer = await (way === 'device' ? byDevice(issuer) : byCode(issuer, way)).catch((error: Error) => {
    if (error instanceof UsageError || error.name === 'NoAnswerError') throw error;
    throw new UsageError(`The sign-in at ${at.issuer} failed: ${faultOf(error)}`);
  });
  return tokensOf(at, answer);
}

/** Renews tokens; undefined if the issuer refuses, so that the user has to sign in again. */
export async function renew(tokens: StoredTokens): Promise<StoredTokens | undefined> {
  if (!tokens.refreshToken) return undefined;
  const issuer = await discover(tokens);
  try {
    const answer = await oidc.refreshTokenGrant(issuer, tokens.refreshToken);
    return tokensOf(tokens, answer, tokens.refreshToken);
  } catch (error) {
    if (error instanceof oidc.ResponseBodyError) return undefined;
    throw new UsageError(
      `The sign-in could not be renewed at ${tokens.issuer}: ${rootOf(error as Error)}. Try again.`,
    );
  }
}

const EXPIRED = 'the code has expired. Run the command again, and enter its new code in time.';

/** The client's own message for a fault of the network is "something went wrong". */
function rootOf(error: Error): string {
  const cause = error.cause as Error | undefined;
  return cause?.message ? rootOf(cause) : error.message;
}

/** A message with the answer of an issuer or of a browser, and with what to do next. */
function faultOf(error: Error): string {
  if (error instanceof oidc.ResponseBodyError || error instanceof oidc.AuthorizationResponseError) {
    const { error: code, error_description: description } = error;
    const said = description ? `${code} (${description})` : code;
    if (code === 'expired_token') return EXPIRED;
    if (code === 'access_denied') return `${said}. Run the command again to sign in after all.`;
    return `${said}. Run the command again, or check --client-id.`;
  }
  const { code } = error as Error & { code?: string };
  const message = rootOf(error);
  if (code === 'OAUTH_TIMEOUT') return EXPIRED;
  if (code === 'OAUTH_INVALID_RESPONSE') {
    return `the browser's answer is not of this sign-in (${message}). Run the command again, and use the address that it prints.`;
  }
  return `${message}. Try again, or check --client-id.`;
}

async function discover({ issuer, clientId }: Issuer): Promise<oidc.Configuration> {
  const url = new URL(issuer);
  const isHere = url.hostname === '127.0.0.1' || url.hostname === 'localhost';
  try {
    return await oidc.discovery(url, clientId, undefined, oidc.None(), {
      execute: isHere ? [oidc.allowInsecureRequests] : [],
    });
  } catch (error) {
    throw new UsageError(`The issuer ${issuer} cannot be used: ${rootOf(error as Error)}. Check --issuer.`);
  }
}

async function byDevice(issuer: oidc.Configuration) {
  if (!issuer.serverMetadata().device_authorization_endpoint) {
    throw new UsageError('The issuer has no device flow. Leave --device out, or use --no-browser.');
  }
  const started = await oidc.initiateDeviceAuthorization(issuer, { scope: SCOPE });
  tell(
    `Open ${started.verification_uri} and enter the code ${started.user_code}. This command waits for it.`,
  );
  return oidc.pollDeviceAuthorizationGrant(issuer, started);
}

async function byCode(issuer: oidc.Configuration, way: Way) {
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const callback = await waitForCallback(SIGN_IN_ADDRESSES);
  const answered = new AbortController();
  try {
    const address = oidc.buildAuthorizationUrl(issuer, {
      redirect_uri: callback.address,
      scope: SCOPE,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
    });
    tell(`Sign in at ${address.href}`);
    if (way === 'browser') await (await import('open')).default(address.href).catch(() => undefined);
    const pasted = way === 'address' && isInteractive() ? [pastedAddress(answered.signal)] : [];
    const came = await Promise.race([callback.url, ...pasted]);
    return await oidc.authorizationCodeGrant(issuer, came, {
      pkceCodeVerifier: verifier,
      expectedState: state,
    });
  } finally {
    answered.abort();
    callback.close();
  }
}

/** For a browser on another machine, which cannot reach this one. */
async function pastedAddress(signal: AbortSignal): Promise<URL> {
  for (;;) {
    const text = await ask('Then paste the address that the browser shows at the end: ', signal);
    const address = URL.canParse(text) ? new URL(text) : undefined;
    if (['code', 'error'].some((name) => address?.searchParams.has(name))) return address!;
    tell(`That is not such an address: it begins with ${SIGN_IN_ADDRESSES[0]}?code=.`);
  }
}

function tokensOf(
  { issuer, clientId }: Issuer,
  answer: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
  refreshToken?: string,
): StoredTokens {
  // The end of the token that is sent; an access token may have another one.
  const seconds = answer.expiresIn();
  const end = answer.claims()?.exp ?? (seconds === undefined ? undefined : Date.now() / 1000 + seconds);
  return {
    issuer,
    clientId,
    // The identity token has the e-mail address by which jobs name who started them.
    accessToken: answer.id_token ?? answer.access_token,
    ...((answer.refresh_token ?? refreshToken) && { refreshToken: answer.refresh_token ?? refreshToken }),
    ...(end !== undefined && { expiresAt: new Date(end * 1000).toISOString() }),
  };
}
