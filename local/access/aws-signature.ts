import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { type Proof, secretTest } from './access.ts';
import { ACCESS_KEY_ID } from './access-key.ts';

/** AWS accepts the same clock skew. */
const MAX_CLOCK_SKEW_MS = 15 * 60_000;
/** The limit of DynamoDB, the largest of the local AWS. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** An `Authorization` header of Signature Version 4, its fields in any order. */
const SCHEME = /^AWS4-HMAC-SHA256\s+/;
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/**
 * Verifies Signature Version 4 with the secret, over everything that the official CLI and SDKs sign: method, path, query,
 * host, date, every `x-amz-` header and the body.
 */
export function awsSignature(secret: string): Proof {
  const credentials = { accessKeyId: ACCESS_KEY_ID, secretAccessKey: secret };
  const signer = new SignatureV4({
    credentials,
    region: 'any',
    service: 'any',
    sha256: Sha256,
    applyChecksum: false,
  });
  return async (request) => {
    const claimed = signatureOf(request);
    if (!claimed) return false;
    const { signedHeaders, date, region, service, signature } = claimed;
    const verify = async (bodyHash: string) => {
      const headers = signedHeaders.map((name) => [name, String(request.headers[name] ?? '')]);
      const url = new URL(request.url ?? '/', 'http://loopback');
      const signed = await signer.sign(
        {
          method: request.method ?? 'GET',
          protocol: 'http:',
          hostname: '',
          path: url.pathname,
          query: queryOf(url),
          headers: { ...Object.fromEntries(headers), [HASH_HEADER]: bodyHash },
        },
        {
          signingDate: date,
          signingRegion: region,
          signingService: service,
          signableHeaders: new Set(signedHeaders),
          unsignableHeaders: new Set(signedHeaders.includes(HASH_HEADER) ? [] : [HASH_HEADER]),
        },
      );
      return secretTest(fieldsOf(String(signed.headers.authorization)).Signature ?? '')(signature);
    };
    // If the request has the body's hash, a bad signature is refused before the body is read.
    const claimedHash = request.headers[HASH_HEADER];
    if (claimedHash !== undefined && !(await verify(String(claimedHash)))) return false;
    const body = await peekBody(request);
    if (!body) return false;
    const actual = createHash('sha256').update(body).digest('hex');
    return claimedHash === undefined ? verify(actual) : claimedHash === actual;
  };
}

const HASH_HEADER = 'x-amz-content-sha256';

type Claimed = { signedHeaders: string[]; date: Date; region: string; service: string; signature: string };

/** Returns undefined without a signature by our access key, or if it does not cover all headers that it must. */
function signatureOf({ headers }: IncomingMessage): Claimed | undefined {
  const { authorization = '' } = headers;
  if (!SCHEME.test(authorization)) return undefined;
  const { Credential = '', SignedHeaders = '', Signature } = fieldsOf(authorization);
  const [accessKeyId, day, region, service, end, ...more] = Credential.split('/');
  if (accessKeyId !== ACCESS_KEY_ID || end !== 'aws4_request' || more.length > 0) return undefined;
  const signedHeaders = SignedHeaders.split(';');
  const mustBeSigned = Object.keys(headers).filter((name) => name === 'host' || /^x-amz-/.test(name));
  const longDate = String(headers['x-amz-date'] ?? '');
  const date = new Date(longDate.replace(DATE, '$1-$2-$3T$4:$5:$6Z'));
  if (!region || !service || !Signature || !mustBeSigned.every((name) => signedHeaders.includes(name)))
    return undefined;
  if (!DATE.test(longDate) || !(Math.abs(Date.now() - date.getTime()) <= MAX_CLOCK_SKEW_MS)) return undefined;
  return longDate.startsWith(`${day}T`)
    ? { signedHeaders, date, region, service, signature: Signature }
    : undefined;
}

function fieldsOf(authorization: string): Record<string, string | undefined> {
  const fields = authorization.replace(SCHEME, '').split(/\s*,\s*/);
  return Object.fromEntries(fields.map((field) => /^([^=]*)=(.*)$/.exec(field)?.slice(1) ?? [field, '']));
}

function queryOf({ searchParams }: URL): Record<string, string[]> {
  return Object.fromEntries([...new Set(searchParams.keys())].map((key) => [key, searchParams.getAll(key)]));
}

/** Reads the body and puts it back into the request. Returns undefined if its length is unknown or too large. */
function peekBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const length = Number(
    request.headers['content-length'] ?? (request.headers['transfer-encoding'] ? NaN : 0),
  );
  if (!(length <= MAX_BODY_BYTES)) return Promise.resolve(undefined);
  if (length === 0) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const end = (body?: Buffer) => {
      request.off('readable', take).off('close', end);
      resolve(body);
    };
    const take = () => {
      while (size < length) {
        const chunk = request.read() as Buffer | null;
        if (!chunk) return;
        chunks.push(chunk);
        size += chunk.length;
      }
      const body = Buffer.concat(chunks);
      // In the same tick as the last read, because the request would end otherwise.
      request.unshift(body);
      end(body);
    };
    request.on('readable', take).once('close', end);
    take();
  });
}

/** Node's SHA-256 with the interface that the signer needs. */
class Sha256 {
  readonly #key: Parameters<typeof createHmac>[1] | undefined;
  #hash!: Hash | Hmac;

  constructor(key?: unknown) {
    this.#key = key as Parameters<typeof createHmac>[1] | undefined;
    this.reset();
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#key === undefined ? createHash('sha256') : createHmac('sha256', this.#key);
  }
}
