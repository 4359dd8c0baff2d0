import type { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { S3Client } from '@aws-sdk/client-s3';
import { DamagedArtifactError } from '../errors.ts';
import { maxArtifactBytes, tooLarge } from './artifact-bounds.ts';
import { requireArtifactKey } from './artifact-keys.ts';
import type { ArtifactStore, SignedUrlOptions, StoreOptions, WriteOptions } from './artifact-store.ts';

/** Artifacts in S3, compressed unless Step Functions reads them. */
export class BucketArtifacts implements ArtifactStore {
  readonly #bucket: string;
  readonly #mayList: boolean;
  readonly #credentials: StoreOptions['credentials'];
  #opened: Promise<{ s3: S3Client; sdk: typeof import('@aws-sdk/client-s3') }> | undefined;

  constructor(bucket: string, { mayList = true, credentials }: StoreOptions = {}) {
    this.#bucket = bucket;
    this.#credentials = credentials;
    this.#mayList = mayList;
  }

  /** Loaded on demand, so that a process whose artifacts are in a folder starts without the client. */
  #open() {
    const credentials = this.#credentials;
    this.#opened ??= import('@aws-sdk/client-s3').then((sdk) => ({
      sdk,
      s3: new sdk.S3Client({ maxAttempts: 10, ...(credentials && { credentials }) }),
    }));
    return this.#opened;
  }

  async read(key: string) {
    const Key = requireArtifactKey(key);
    const { s3, sdk } = await this.#open();
    try {
      const object = await s3.send(new sdk.GetObjectCommand({ Bucket: this.#bucket, Key }));
      const body = await readBody(object.Body as Readable, key);
      return object.ContentEncoding === 'gzip' ? decompress(body, key) : body;
    } catch (error) {
      if (error instanceof sdk.NoSuchKey) return undefined;
      // Without s3:ListBucket, S3 answers 403 for a missing object. If the process may not read at all, its first write
      // fails too, and throws.
      if (!this.#mayList && (error as Error).name === 'AccessDenied') return undefined;
      throw error;
    }
  }

  async write(key: string, body: string | Uint8Array, { contentType, plain }: WriteOptions = {}) {
    const Key = requireArtifactKey(key);
    const { s3, sdk } = await this.#open();
    await s3.send(
      new sdk.PutObjectCommand({
        Bucket: this.#bucket,
        Key,
        Body: plain ? body : gzipSync(body),
        ContentType: contentType,
        ContentEncoding: plain ? undefined : 'gzip',
      }),
    );
  }

  async signedUrl(key: string, { seconds, fileName }: SignedUrlOptions) {
    const { s3, sdk } = await this.#open();
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const object = new sdk.GetObjectCommand({
      Bucket: this.#bucket,
      Key: requireArtifactKey(key),
      ResponseContentDisposition: `attachment; filename="${fileName}"`,
    });
    return getSignedUrl(s3, object, { expiresIn: seconds });
  }

  async removeAll(prefix: string) {
    const Bucket = this.#bucket;
    const Prefix = requireArtifactKey(prefix);
    const { s3, sdk } = await this.#open();
    for (;;) {
      const { Contents = [] } = await s3.send(new sdk.ListObjectsV2Command({ Bucket, Prefix }));
      if (Contents.length === 0) return;
      const Objects = Contents.map(({ Key }) => ({ Key }));
      const { Errors: [refused] = [] } = await s3.send(
        new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
      );
      // DeleteObjects answers 200 even when keys fail; without this the loop would never end.
      if (refused) {
        const { Key, Code, Message } = refused;
        throw new Error(`S3 did not delete ${Key} of ${Bucket}: ${Code}: ${Message}`);
      }
    }
  }
}

/** Reads at most the bound, whatever Content-Length is. */
async function readBody(body: Readable, key: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    // Leaving the loop destroys the stream and its connection.
    if (bytes > maxArtifactBytes(key)) throw tooLarge(key);
    parts.push(part);
  }
  return Buffer.concat(parts, bytes);
}

function decompress(body: Buffer, key: string): Buffer {
  try {
    return gunzipSync(body, { maxOutputLength: maxArtifactBytes(key) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(key, 'decompresses to');
    throw new DamagedArtifactError(
      `The artifact ${key} is marked as gzip and cannot be decompressed: ${(error as Error).message}.`,
      { cause: error },
    );
  }
}
