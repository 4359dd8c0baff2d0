import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Proof, secretTest } from './access.ts';
import { peerUser } from './peer.ts';

/** The path at which a browser gets its cookie: `/sign-in?secret=…`. */
const PATH = /^\/sign-in\?(.*)$/s;

/**
 * A browser's proof. Cookies ignore ports, so the browser may send them to another user's server on this machine. That is
 * why the cookie is not the secret, and on Linux the connection must also belong to this user or to root.
 */
export function browserProof(secret: string): Proof {
  const { name, value } = session(secret);
  const isValue = secretTest(value);
  return (request) => {
    if (signsIn(request, secret)) return true;
    const cookies = (request.headers.cookie ?? '').split(/;\s*/).map((pair) => pair.split('='));
    if (!cookies.some(([key, held]) => key === name && isValue(held))) return false;
    const user = process.platform === 'linux' ? peerUser(request.socket) : process.geteuid?.();
    return user === process.geteuid?.() || user === 0;
  };
}

/** Whether a request asks for the cookie and has the secret. */
export function signsIn({ method, url = '' }: IncomingMessage, secret: string): boolean {
  const given = method === 'GET' ? PATH.exec(url)?.[1] : undefined;
  return secretTest(secret)(new URLSearchParams(given).get('secret') ?? undefined);
}

/** The headers of the answer: the cookie, and a redirect to the page. */
export function signInHeaders(secret: string): Record<string, string> {
  const { name, value } = session(secret);
  return {
    location: '/',
    'set-cookie': `${name}=${value}; Path=/; HttpOnly; SameSite=Strict`,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
  };
}

/** The name depends on the secret too, so that two stacks do not overwrite each other's cookie. */
function session(secret: string): { name: string; value: string } {
  const derive = (what: string) => createHmac('sha256', secret).update(what).digest('base64url');
  return { name: `cody-batch-${derive('name').slice(0, 8)}`, value: derive('session') };
}
