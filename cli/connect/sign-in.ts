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
    throw new UsageError(
      `${at.issuer} refused the sign-in: ${error.message}. Try again, or check --client-id.`,
    );
  });
  return tokensOf(at, answer);
}

/** Renews tokens; undefined if the issuer does not, so that the user has to sign in again. */
export async function renew(tokens: StoredTokens): Promise<StoredTokens | undefined> {
  if (!tokens.refreshToken) return undefined;
  try {
    const answer = await oidc.refreshTokenGrant(await discover(tokens), tokens.refreshToken);
    return tokensOf(tokens, answer, tokens.refreshToken);
  } catch {
    return undefined;
  }
}

async function discover({ issuer, clientId }: Issuer): Promise<oidc.Configuration> {
  const url = new URL(issuer);
  const isHere = url.hostname === '127.0.0.1' || url.hostname === 'localhost';
  try {
    return await oidc.discovery(url, clientId, undefined, oidc.None(), {
      execute: isHere ? [oidc.allowInsecureRequests] : [],
    });
  } catch (error) {
    throw new UsageError(`The issuer ${issuer} cannot be used: ${(error as Error).message}. Check --issuer.`);
  }
}

async function byDevice(issuer: oidc.Configuration) {
  if (!issuer.serverMetadata().device_authorization_endpoint) {
    throw new UsageError('The issuer has no device flow. Leave --device out, or use --no-browser.');
  }
  const started = await oidc.initiateDeviceAuthorization(issuer, { scope: SCOPE });
  tell(`Open ${started.verification_uri} and enter the code ${started.user_code}`);
  return oidc.pollDeviceAuthorizationGrant(issuer, started);
}

async function byCode(issuer: oidc.Configuration, way: Way) {
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const callback = await waitForCallback(SIGN_IN_ADDRESSES);
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
    const pasted = way === 'address' && isInteractive() ? [pastedAddress()] : [];
    const came = await Promise.race([callback.url, ...pasted]);
    return await oidc.authorizationCodeGrant(issuer, came, {
      pkceCodeVerifier: verifier,
      expectedState: state,
    });
  } finally {
    callback.close();
  }
}

/** For a browser on another machine, which cannot reach this one. */
async function pastedAddress(): Promise<URL> {
  return new URL(await ask('Then paste the address that the browser shows at the end: '));
}

function tokensOf(
  { issuer, clientId }: Issuer,
  answer: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
  refreshToken?: string,
): StoredTokens {
  const seconds = answer.expiresIn();
  return {
    issuer,
    clientId,
    // The identity token has the e-mail address by which jobs name who started them.
    accessToken: answer.id_token ?? answer.access_token,
    ...((answer.refresh_token ?? refreshToken) && { refreshToken: answer.refresh_token ?? refreshToken }),
    ...(seconds !== undefined && { expiresAt: new Date(Date.now() + seconds * 1000).toISOString() }),
  };
}
