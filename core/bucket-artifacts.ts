import { gunzipSync, gzipSync } from 'node:zlib';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ArtifactStore, WriteOptions } from './artifacts.ts';

/** Artifacts in S3, compressed unless Step Functions reads them. */
export class BucketArtifacts implements ArtifactStore {
  readonly #bucket: string;
  #opened: Promise<{ s3: S3Client; sdk: typeof import('@aws-sdk/client-s3') }> | undefined;

  constructor(bucket: string) {
    this.#bucket = bucket;
  }

  /** Loaded at the first use: a process whose artifacts are in a folder does not pay for the client at its start. */
  #open() {
    this.#opened ??= import('@aws-sdk/client-s3').then((sdk) => ({ sdk, s3: new sdk.S3Client({}) }));
    return this.#opened;
  }

  async read(key: string) {
    const { s3, sdk } = await this.#open();
    try {
      const object = await s3.send(new sdk.GetObjectCommand({ Bucket: this.#bucket, Key: key }));
      const body = Buffer.from(await object.Body!.transformToByteArray());
      return object.ContentEncoding === 'gzip' ? gunzipSync(body) : body;
    } catch (error) {
      if (error instanceof sdk.NoSuchKey) return undefined;
      throw error;
    }
  }

  async write(key: string, body: string | Uint8Array, { contentType, plain }: WriteOptions = {}) {
    const { s3, sdk } = await this.#open();
    await s3.send(
      new sdk.PutObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        Body: plain ? body : gzipSync(body),
        ContentType: contentType,
        ContentEncoding: plain ? undefined : 'gzip',
      }),
    );
  }

  async removeAll(prefix: string) {
    const { s3, sdk } = await this.#open();
    for (;;) {
      const page = await s3.send(new sdk.ListObjectsV2Command({ Bucket: this.#bucket, Prefix: prefix }));
      const objects = (page.Contents ?? []).map(({ Key }) => ({ Key }));
      if (objects.length === 0) return;
      await s3.send(
        new sdk.DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects: objects, Quiet: true } }),
      );
    }
  }
}
