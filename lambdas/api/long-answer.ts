import { createHash } from 'node:crypto';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import type { Context } from '../context.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';
import { etagOf, matches } from './etag.ts';
import { bodyOf, type Headers, type RouteOutput, takesGzip } from './route.ts';

/** Base64 makes a third more of it, and Lambda's limit is 6 MB. */
const MAX_INLINE_BYTES = 4 * 1024 * 1024;
/** The time in which a download has to begin. */
const URL_SECONDS = 300;

/**
 * An answer that is too long for Lambda, as a redirect to a signed URL of the same bytes in the artifacts of the job. Others
 * are returned unchanged, and so is one that the caller has already. The key is the digest, so each body is stored once.
 */
export async function signedIfLong(
  output: RouteOutput,
  { jobId, headers }: { jobId: string; headers: Headers },
  context: Context,
): Promise<RouteOutput> {
  const body = bodyOf(output);
  if (!body || body.bytes.length <= MAX_INLINE_BYTES) return output;
  const etag = etagOf(body.bytes);
  if (matches(headers['if-none-match'], etag)) return output;
  const fileName = output.fileName ?? 'answer';
  const digest = createHash('sha256').update(body.bytes).digest('hex');
  // S3 sends what is stored, and does not decompress it for a caller that does not take gzip.
  const plain = !takesGzip(headers);
  const key = artifactKeys.answer(jobId, digest, `${plain ? 'plain' : 'gzip'}-${fileName}`);
  const { contentType } = body;
  await unlessDeleted(jobId, context, () => context.artifacts.write(key, body.bytes, { contentType, plain }));
  const location = await context.artifacts.signedUrl(key, { seconds: URL_SECONDS, fileName });
  return { status: 303, headers: { location, etag, 'cache-control': 'no-store', vary: 'accept-encoding' } };
}
