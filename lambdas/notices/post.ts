import { lookup } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isLoopback, isPublic } from './addresses.ts';

const TIMEOUT_MS = 10_000;

/** A notice was not delivered; the message has no path of the URL, which may be secret. */
export class NotDeliveredError extends Error {
  override readonly name = 'NotDeliveredError';
  /** Whether no later try can succeed. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal = false) {
    super(message);
    this.isFinal = isFinal;
  }
}

/**
 * Posts a notice to a webhook. The connection goes to the very address that was checked, so a name that resolves otherwise a
 * moment later leads nowhere else, and no redirect is followed. Throws NotDeliveredError unless the answer is 2xx.
 */
export async function postNotice(
  url: string,
  body: string,
  headers: Record<string, string>,
  { allowLoopback }: { allowLoopback: boolean },
): Promise<void> {
  const { protocol, hostname, host } = new URL(url);
  const isAllowed = (address: string) => isPublic(address) || (allowLoopback && isLoopback(address));
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  if (protocol !== 'https:' && !(allowLoopback && isLoopback(literal)))
    throw new NotDeliveredError(`${host} is not reached by https`, true);
  if (isIP(literal) && !isAllowed(literal))
    throw new NotDeliveredError(`${host} is not a public address`, true);
  const status = await new Promise<number>((resolve, reject) => {
    const request = (protocol === 'https:' ? https : http).request(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      // One of its own: a pooled connection would not be looked up and checked.
      agent: false,
      lookup: checkedLookup(isAllowed),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    request.once('error', reject);
    request.once('response', (response) => {
      // What it says is not read: it could be endless.
      response.destroy();
      resolve(response.statusCode!);
    });
    request.end(body);
  }).catch((error: Error) => {
    if (error instanceof NotDeliveredError) throw error;
    throw new NotDeliveredError(
      `${host} did not answer (${(error as NodeJS.ErrnoException).code ?? error.name})`,
    );
  });
  if (status >= 200 && status < 300) return;
  throw new NotDeliveredError(`${host} answered ${status}`, status === 410);
}

/** Resolves a name, and refuses it unless all of its addresses are allowed. */
function checkedLookup(isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const refused = addresses?.find(({ address }) => !isAllowed(address));
      if (error || refused || addresses.length === 0) {
        const because = error ?? new NotDeliveredError(`${hostname} is not at a public address`);
        callback(because as NodeJS.ErrnoException, '', 0);
      } else if (options.all)
        (callback as unknown as (e: null, all: typeof addresses) => void)(null, addresses);
      else callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };
}
