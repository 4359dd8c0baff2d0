import { createHash } from 'node:crypto';
import type { Answer } from './call.ts';

/** A weak ETag of the body, as on GitHub: equal bodies have equal ETags. */
function etagOf(body: unknown): string {
  const bytes = Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return `W/"${createHash('sha256').update(bytes).digest('hex')}"`;
}

/** RFC 9110 §13.1.2: `*`, or a list of tags compared weakly. */
function matches(ifNoneMatch: string, etag: string): boolean {
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');
  return ifNoneMatch.split(',').some((tag) => opaque(tag) === '*' || opaque(tag) === opaque(etag));
}

/**
 * Adds an ETag to the answer of a GET. Makes it a 304 without a body if the client already has this
 * version.
 */
export function conditional(answer: Answer, ifNoneMatch: string | undefined): Answer {
  if (answer.status !== 200) return answer;
  const etag = etagOf(answer.body);
  const headers = { ...answer.headers, etag, 'cache-control': 'private, max-age=60, s-maxage=60' };
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) return { status: 304, headers };
  return { ...answer, headers };
}
