import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { tokenOf } from './authorization-header.ts';
import { isOwnPeer } from './peer.ts';

/** Who may call an endpoint. */
export type Access =
  /** Only tests of a single server use this. */
  | 'anyone'
  | {
      /** The secret of the data folder. */
      secret: string;
      /** Whether the user's own processes need the secret too. */
      requireSecret: boolean;
    };

/** Whether a request proves the secret in a form that only some endpoints support. */
export type Proof = (request: IncomingMessage) => boolean | Promise<boolean>;

/** The header in which the product's own clients send the secret, if signing every request would be too slow. */
export const SECRET_HEADER = 'x-cody-batch-secret';

/**
 * The header in which AWS's SDKs send AWS_SESSION_TOKEN. Functions and workers have the secret there, because verifying
 * the signature of every request would make requests half as costly again.
 */
const SESSION_TOKEN_HEADER = 'x-amz-security-token';

/**
 * Decides whether a request is admitted. It uses the headers only, and reads the body only for a proof that covers it.
 * The secret admits one request; a peer process of this user admits its whole connection.
 */
export function doorkeeper(access: Access, proofOf?: (secret: string) => Proof): Proof {
  if (access === 'anyone') return () => true;
  const { secret, requireSecret } = access;
  const isSecret = secretTest(secret);
  const proves = proofOf?.(secret);
  const own = new WeakSet<Socket>();
  const look = async (request: IncomingMessage): Promise<boolean> => {
    try {
      if (await proves?.(request)) return true;
      if (requireSecret || !(await isOwnPeer(request.socket))) return false;
    } catch {
      return false;
    }
    own.add(request.socket);
    return true;
  };
  return (request) => own.has(request.socket) || presented(request.headers).some(isSecret) || look(request);
}

/** Compares in constant time. */
export function secretTest(secret: string): (given: string | undefined) => boolean {
  const expected = Buffer.from(secret);
  return (given = '') => {
    const bytes = Buffer.from(given);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  };
}

/** The values of all headers in which clients of these endpoints send a key. */
function presented(headers: IncomingHttpHeaders): (string | undefined)[] {
  const names = [SECRET_HEADER, 'x-api-key', SESSION_TOKEN_HEADER];
  return [tokenOf(headers), ...names.map((name) => one(headers[name]))];
}

const one = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);
