import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, verify } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Provider from 'oidc-provider';

export type Person = { email: string; groups: readonly string[] };
type Claims = Readonly<Record<string, unknown>>;

export type TestIssuer = {
  url: string;
  /** Another origin of the same server, as some issuers have for their token endpoint. */
  otherUrl: string;
  /** The claims of a token as API Gateway's JWT authorizer verifies it; undefined if it refuses the token. */
  verify(token: string): Claims | undefined;
  /** From now on no refresh token of before is good for anything. */
  endRenewals(): Promise<void>;
  /** From now on a sign-in has no refresh token. */
  giveNoRenewals(): void;
  close(): void;
};

export const CLIENT_ID = 'people';

/** An OIDC issuer, whose people sign in by their name alone. It redirects to this page, whose address is known later. */
export async function startIssuer(
  people: Readonly<Record<string, Person>>,
  page: Promise<string>,
): Promise<TestIssuer> {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const refreshTokens: { destroy(): Promise<void> }[] = [];
  let hasRenewals = true;
  void page.then((home) => {
    const provider = new Provider(
      url,
      configurationOf(people, home, privateKey, () => hasRenewals),
    );
    provider.on('refresh_token.saved', (token) => refreshTokens.push(token));
    const answer = provider.callback();
    server.on('request', (request, response) => {
      if (!request.url!.startsWith('/login/')) return answer(request, response);
      if (request.method === 'POST') return void signIn(provider, request, response);
      response.writeHead(200, { 'content-type': 'text/html' }).end(FORM);
    });
  });
  return {
    url,
    otherUrl: url.replace('127.0.0.1', 'localhost'),
    verify: (token) => claimsOf(token, url, createPublicKey(privateKey)),
    endRenewals: async () => {
      await Promise.all(refreshTokens.splice(0).map((token) => token.destroy()));
    },
    giveNoRenewals: () => {
      hasRenewals = false;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const FORM =
  '<!doctype html><title>Sign in</title><h1>Sign in</h1><form method="post"><label>Account <input name="name" autofocus></label><button>Sign in</button></form>';

async function signIn(provider: Provider, request: http.IncomingMessage, response: http.ServerResponse) {
  const accountId = new URLSearchParams(await text(request)).get('name');
  await provider.interactionFinished(request, response, { login: { accountId } });
}

function configurationOf(
  people: Readonly<Record<string, Person>>,
  home: string,
  privateKey: KeyObject,
  hasRenewals: () => boolean,
) {
  return {
    clients: [
      {
        client_id: CLIENT_ID,
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [`${home}/`],
        post_logout_redirect_uris: [`${home}/`],
      },
    ],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig' }] },
    cookies: { keys: ['test'] },
    claims: { openid: ['sub', 'groups', 'serial'], email: ['email', 'email_verified'] },
    // Most issuers put what was asked for into the ID token.
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/login/${uid}` },
    clientBasedCORS: (_: unknown, origin: string) => origin === home,
    issueRefreshToken: hasRenewals,
    // A refresh token that is used twice ends the sign-in.
    rotateRefreshToken: true,
    ttl: { AccessToken: 3600, IdToken: 3600, RefreshToken: 43_200, Grant: 43_200, Session: 43_200 },
    // Each token is another one: two of the same second would be equal.
    findAccount: (_: unknown, name: string) =>
      people[name] && {
        accountId: name,
        claims: () => ({ sub: name, serial: randomUUID(), email_verified: true, ...people[name] }),
      },
    loadExistingGrant: async ({ oidc }: GrantContext) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client.clientId,
        accountId: oidc.session.accountId,
      });
      grant.addOIDCScope('openid email');
      await grant.save();
      return grant;
    },
  };
}

/** What `loadExistingGrant` gets. It grants what is asked for, so that there is no page of consent. */
type GrantContext = {
  oidc: { provider: Provider; client: { clientId: string }; session: { accountId: string } };
};

function claimsOf(token: string, issuer: string, key: KeyObject): Claims | undefined {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const isSigned = verify(
    'RSA-SHA256',
    Buffer.from(`${header}.${payload}`),
    key,
    Buffer.from(signature, 'base64url'),
  );
  if (!isSigned) return undefined;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims & { exp: number };
  const isForUs = claims.iss === issuer && claims.aud === CLIENT_ID && claims.exp * 1000 > Date.now();
  return isForUs ? claims : undefined;
}
