import { createPublicKey, generateKeyPairSync, type JsonWebKey, verify } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Provider from 'oidc-provider';
import { SIGN_IN_ADDRESSES } from '../../core/sign-in.ts';

/** The client of people, as lib/sign-in.ts registers it. */
export const CLIENT = 'people';
export const EMAIL = 'ada@example.com';

/** An OIDC provider on loopback, and an API that admits its tokens, at one address. */
export type Issuer = {
  url: string;
  /** The user's answer to the next sign-ins. */
  refuses: boolean;
  /** How long a token lives, in seconds. */
  lifetime: number;
  /** Answers that the token endpoint gives before the provider is asked. */
  tokenAnswers: { error: string }[];
  /** The requests to the token endpoint: their grant, and when. */
  grants: { type: string; at: number }[];
  /** What a browser does with an address: follows it, and stops at the first one that is another program's. */
  browse(address: string): Promise<string>;
  /** Enters the code of a device in a browser, and confirms it or not. */
  enterCode(address: string, code: string): Promise<void>;
  /** Forgets all that was granted. */
  revoke(): void;
  close(): Promise<void>;
};

export async function startIssuer(): Promise<Issuer> {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: Issuer = {
    url,
    refuses: false,
    lifetime: 3600,
    tokenAnswers: [],
    grants: [],
    browse: (address) => browse(url, address),
    enterCode: (address, code) => enterCode(url, address, code, () => issuer.refuses),
    revoke: () => stored.clear(),
    close: async () => void server.close(),
  };
  const stored = new Map<string, Record<string, unknown>>();
  const provider = new Provider(url, configurationOf(issuer, stored));
  const answer = provider.callback();
  server.on('request', async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const { pathname } = new URL(request.url!, url);
    if (pathname === '/jobs') return admits(request, url, response);
    if (pathname.startsWith('/interaction/')) {
      const refusal = { error: 'access_denied', error_description: 'the user said no' };
      // A client on a user's machine needs a consent each time.
      const granted = { login: { accountId: EMAIL }, consent: {} };
      const result = issuer.refuses ? refusal : granted;
      return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    }
    if (pathname === '/token') {
      const body = await text(request);
      issuer.grants.push({ type: new URLSearchParams(body).get('grant_type')!, at: performance.now() });
      const given = issuer.tokenAnswers.shift();
      if (given) {
        return response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(given));
      }
      // The provider takes a body that was read already.
      Object.assign(request, { body });
    }
    return answer(request, response);
  });
  return issuer;
}

function configurationOf(issuer: Issuer, stored: Map<string, Record<string, unknown>>) {
  const lifetime = () => issuer.lifetime;
  return {
    adapter: adapterOn(stored),
    clients: [
      {
        client_id: CLIENT,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: SIGN_IN_ADDRESSES,
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        response_types: ['code'],
      },
    ],
    claims: { openid: ['sub'], email: ['email'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['of the test'] },
    features: { deviceFlow: { enabled: true }, devInteractions: { enabled: false } },
    findAccount: async (_context: unknown, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, email: id }),
    }),
    jwks: {
      keys: [generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })],
    },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    issueRefreshToken: async () => true,
    // Consent is given in advance.
    loadExistingGrant: async (context: {
      oidc: {
        provider: Provider;
        client: { clientId: string };
        session: { accountId: string };
      };
    }) => {
      const { provider, client, session } = context.oidc;
      const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      grant.addOIDCScope('openid email');
      await grant.save();
      return grant;
    },
    pkce: { required: () => true },
    ttl: {
      ...{ AccessToken: lifetime, IdToken: lifetime, DeviceCode: lifetime },
      ...{ RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 3600, AuthorizationCode: 60 },
    },
  };
}

/** Keeps what the provider grants in a map, so that a test can take it away. */
function adapterOn(stored: Map<string, Record<string, unknown>>) {
  return class {
    readonly #name: string;
    constructor(name: string) {
      this.#name = name;
    }
    #key = (id: string) => `${this.#name}:${id}`;
    upsert = async (id: string, payload: Record<string, unknown>) => void stored.set(this.#key(id), payload);
    find = async (id: string) => stored.get(this.#key(id));
    findByUserCode = async (userCode: string) => this.#with('userCode', userCode);
    findByUid = async (uid: string) => this.#with('uid', uid);
    destroy = async (id: string) => void stored.delete(this.#key(id));
    consume = async (id: string) => {
      Object.assign(stored.get(this.#key(id)) ?? {}, { consumed: Math.floor(Date.now() / 1000) });
    };
    revokeByGrantId = async (grantId: string) => {
      for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
    };
    #with(field: string, value: string) {
      const found = [...stored].filter(
        ([key, payload]) => key.startsWith(`${this.#name}:`) && payload[field] === value,
      );
      return found[0]?.[1];
    }
  };
}

/** The API: admits a token that the provider signed for this client, and that has not expired. */
async function admits(
  request: http.IncomingMessage,
  url: string,
  response: http.ServerResponse,
): Promise<void> {
  const send = (status: number, body: unknown) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const [head, payload, signature] = (request.headers.authorization ?? '').replace('Bearer ', '').split('.');
  // As the authorizer of API Gateway answers.
  const refusal = { message: 'Unauthorized' };
  if (!head || !payload || !signature) return send(401, refusal);
  const { keys } = (await (await fetch(`${url}/jwks`)).json()) as { keys: JsonWebKey[] };
  const isSigned = keys.some((key) =>
    verify(
      'RSA-SHA256',
      Buffer.from(`${head}.${payload}`),
      createPublicKey({ key, format: 'jwk' }),
      Buffer.from(signature, 'base64url'),
    ),
  );
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const isGood = claims.aud === CLIENT && claims.email === EMAIL && claims.exp * 1000 > Date.now();
  return isSigned && isGood ? send(200, { jobs: [] }) : send(401, refusal);
}

/** Follows redirections as a browser does that has no session yet, up to an address outside of `url`. */
async function browse(url: string, address: string, cookies = new Map<string, string>()): Promise<string> {
  let at = address;
  for (let step = 0; step < MAX_STEPS; step++) {
    if (!at.startsWith(url)) return at;
    const response = await fetch(at, { redirect: 'manual', headers: headersOf(cookies) });
    keep(response, cookies);
    const location = response.headers.get('location');
    // The page at the end of a device's sign-in.
    if (!location) return at;
    at = new URL(location, at).href;
  }
  throw new Error(`${address} has led to ${at} after ${MAX_STEPS} steps`);
}

const MAX_STEPS = 10;

async function enterCode(url: string, address: string, code: string, refuses: () => boolean): Promise<void> {
  const cookies = new Map<string, string>();
  const post = async (fields: Record<string, string>) => {
    const response = await fetch(`${url}/device`, {
      method: 'POST',
      redirect: 'manual',
      headers: headersOf(cookies),
      body: new URLSearchParams(fields),
    });
    keep(response, cookies);
    return response;
  };
  const form = await fetch(address, { headers: headersOf(cookies) });
  keep(form, cookies);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(await form.text())![1]!;
  await post({ xsrf, user_code: code });
  const answered = await post({
    xsrf,
    user_code: code,
    ...(refuses() ? { abort: 'yes' } : { confirm: 'yes' }),
  });
  const location = answered.headers.get('location');
  if (location) await browse(url, new URL(location, url).href, cookies);
}

function headersOf(cookies: ReadonlyMap<string, string>): Record<string, string> {
  return { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
}

function keep(response: Response, cookies: Map<string, string>): void {
  for (const cookie of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (name && value) cookies.set(name, value);
    else if (name) cookies.delete(name);
  }
}
