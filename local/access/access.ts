import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { tokenOf } from './authorization-header.ts';
import { isOwnPeer } from './peer.ts';

/** Who may call an endpoint. */
export type Access =
  /** For tests of a single server. */
  | 'anyone'
  | {
      /** The data folder's. */
      secret: string;
      /** Whether it is asked of the user's own processes too. */
      requireSecret: boolean;
    };

/** Whether a request shows the secret in a way that only some endpoints know. */
export type Proof = (request: IncomingMessage) => boolean | Promise<boolean>;

/** In which our own clients send the secret where a signature for every request would cost too much. */
export const SECRET_HEADER = 'x-cody-batch-secret';

/**
 * In which AWS's SDKs send AWS_SESSION_TOKEN. The functions and the workers have the secret there: to verify the signature
 * of every request would make them half as costly again.
 */
const SESSION_TOKEN_HEADER = 'x-amz-security-token';

/**
 * Decides by the headers alone whether a request is let in, and reads a body only for a proof that covers it. The secret
 * admits a request; being a process of this user admits a connection.
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

/** Compares in a time that says nothing of what differs. */
export function secretTest(secret: string): (given: string | undefined) => boolean {
  const expected = Buffer.from(secret);
  return (given = '') => {
    const bytes = Buffer.from(given);
    return bytes.length === expected.length && timingSafeEqual(bytes, expected);
  };
}

/** What a request has where clients of these endpoints put a key. */
function presented(headers: IncomingHttpHeaders): (string | undefined)[] {
  const names = [SECRET_HEADER, 'x-api-key', SESSION_TOKEN_HEADER];
  return [tokenOf(headers), ...names.map((name) => one(headers[name]))];
}

const one = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);
