import { createPublicKey, verify } from 'node:crypto';
import { z } from 'zod';
import { GitHubError } from '../rest/github-error.ts';

const unauthorized = (message: string): GitHubError => new GitHubError(401, message);

export const undecodable = (): GitHubError => unauthorized('A JSON web token could not be decoded');

/** https://docs.github.com/apps: a token may live for at most ten minutes. */
const MAX_SECONDS = 600;

const header = z.object({ alg: z.literal('RS256') });
const claims = z.object({ iss: z.union([z.string(), z.number()]), iat: z.unknown(), exp: z.unknown() });

function decode<Schema extends z.ZodType>(part: string, schema: Schema): z.infer<Schema> {
  try {
    return schema.parse(JSON.parse(Buffer.from(part, 'base64url').toString()));
  } catch {
    throw undecodable();
  }
}

function requireTimes({ iat, exp }: z.infer<typeof claims>): void {
  const now = Date.now() / 1000;
  if (typeof exp !== 'number' || exp <= now) {
    throw unauthorized(
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (exp > now + MAX_SECONDS) {
    throw unauthorized("'Expiration time' claim ('exp') is too far in the future");
  }
  if (!Number.isInteger(iat) || Number(iat) > now) {
    throw unauthorized(
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
}

/** Whether a credential looks like a JSON web token (RFC 7519); GitHub's other tokens have no dots. */
export const isJwt = (token: string): boolean => token.split('.').length === 3;

/**
 * Verifies a JSON web token with the app's key from `publicKeyOf`, and returns the app's id. As GitHub,
 * throws 401 if the token cannot be decoded, its times are wrong or another key signed it, and 404 if the
 * app does not exist.
 */
export function verifyAppJwt(token: string, publicKeyOf: (id: number) => string | undefined): number {
  const [head = '', payload = '', signature = ''] = token.split('.');
  decode(head, header);
  const claimed = decode(payload, claims);
  const id = Number(claimed.iss);
  const key = publicKeyOf(id);
  if (!key) throw new GitHubError(404, 'Integration not found');
  const signed = Buffer.from(`${head}.${payload}`);
  if (!verify('RSA-SHA256', signed, createPublicKey(key), Buffer.from(signature, 'base64url'))) {
    throw undecodable();
  }
  requireTimes(claimed);
  return id;
}
