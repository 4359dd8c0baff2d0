import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { z } from 'zod';
import { NotFoundError, SettingsError } from './errors.ts';

/** What one reads at length: S3 on AWS, a directory on one machine. Keys are S3 keys: `jobs/{jobId}/…`. */
export interface ArtifactStore {
  /** Undefined where there is none. */
  read(key: string): Promise<Buffer | undefined>;
  /** Replaces it whole: a reader sees the old bytes or the new ones. */
  write(key: string, body: string | Uint8Array, options?: WriteOptions): Promise<void>;
  /** Removes everything below `prefix`, which ends in `/`. */
  removeAll(prefix: string): Promise<void>;
}

export type WriteOptions = {
  contentType?: string;
  /** Kept as it is where Step Functions reads it (it does not decompress); gzip otherwise. */
  plain?: boolean;
};

/** Names of all artifacts, in one place. */
export const artifactKeys = {
  job: (jobId: string) => `jobs/${jobId}/`,
  request: (jobId: string) => `jobs/${jobId}/request.json`,
  /** The names that the job's patterns stood for at its first run; every later run is about the same ones. */
  repositories: (jobId: string) => `jobs/${jobId}/repositories.json`,
  run: (jobId: string, run: number) => `jobs/${jobId}/runs/${run}/`,
  repository: (jobId: string, repositoryName: string) => `jobs/${jobId}/repositories/${repositoryName}/`,
  outcome: (jobId: string, repositoryName: string) =>
    `${artifactKeys.repository(jobId, repositoryName)}outcome.json`,
  diff: (jobId: string, repositoryName: string) =>
    `${artifactKeys.repository(jobId, repositoryName)}diff.patch`,
  thread: (jobId: string, repositoryName: string) =>
    `${artifactKeys.repository(jobId, repositoryName)}thread.json`,
  changeSet: (jobId: string, repositoryName: string) =>
    `${artifactKeys.repository(jobId, repositoryName)}change-set.json`,
  log: (jobId: string, repositoryName: string) => `${artifactKeys.repository(jobId, repositoryName)}log.txt`,
  checkpoint: (jobId: string, repositoryName: string) =>
    `${artifactKeys.repository(jobId, repositoryName)}checkpoint/`,
};

/** Opens `s3://bucket` or `file:///folder`. */
export function openArtifacts(url: string): ArtifactStore {
  const { protocol, hostname } = new URL(url);
  if (protocol === 's3:') return new BucketArtifacts(new S3Client({}), hostname);
  if (protocol === 'file:') return new FolderArtifacts(fileURLToPath(url));
  throw new SettingsError(`ARTIFACTS_URL is ${JSON.stringify(url)}; expected s3://bucket or file:///folder`);
}

/** Reads a JSON artifact and checks its shape. Throws NotFoundError where there is none. */
export async function readArtifact<S extends z.ZodType>(
  store: ArtifactStore,
  key: string,
  schema: S,
): Promise<z.infer<S>> {
  const body = await store.read(key);
  if (!body) throw new NotFoundError(`The artifact ${key} does not exist.`);
  return schema.parse(JSON.parse(body.toString('utf8')));
}

export async function writeArtifact(
  store: ArtifactStore,
  key: string,
  value: unknown,
  options?: WriteOptions,
): Promise<void> {
  await store.write(key, JSON.stringify(value), { contentType: 'application/json', ...options });
}

class BucketArtifacts implements ArtifactStore {
  readonly #s3: S3Client;
  readonly #bucket: string;

  constructor(s3: S3Client, bucket: string) {
    this.#s3 = s3;
    this.#bucket = bucket;
  }

  async read(key: string) {
    try {
      const object = await this.#s3.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
      const body = Buffer.from(await object.Body!.transformToByteArray());
      return object.ContentEncoding === 'gzip' ? gunzipSync(body) : body;
    } catch (error) {
      if (error instanceof NoSuchKey) return undefined;
      throw error;
    }
  }

  async write(key: string, body: string | Uint8Array, { contentType, plain }: WriteOptions = {}) {
    await this.#s3.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: key,
        Body: plain ? body : gzipSync(body),
        ContentType: contentType,
        ContentEncoding: plain ? undefined : 'gzip',
      }),
    );
  }

  async removeAll(prefix: string) {
    for (;;) {
      const page = await this.#s3.send(new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: prefix }));
      const objects = (page.Contents ?? []).map(({ Key }) => ({ Key }));
      if (objects.length === 0) return;
      await this.#s3.send(
        new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects: objects, Quiet: true } }),
      );
    }
  }
}

class FolderArtifacts implements ArtifactStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = path.resolve(folder);
  }

  #fileOf(key: string): string {
    const file = path.resolve(this.#folder, key);
    if (!file.startsWith(this.#folder + path.sep))
      throw new NotFoundError(`The artifact key ${JSON.stringify(key)} leaves the store.`);
    return file;
  }

  async read(key: string) {
    try {
      return await readFile(this.#fileOf(key));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async write(key: string, body: string | Uint8Array) {
    const file = this.#fileOf(key);
    const temporary = `${file}.${process.pid}.${temporaries++}.tmp`;
    await mkdir(path.dirname(file), { recursive: true });
    try {
      const handle = await open(temporary, 'wx');
      try {
        await handle.writeFile(body);
      } finally {
        await handle.close();
      }
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async removeAll(prefix: string) {
    await rm(this.#fileOf(prefix), { recursive: true, force: true });
  }
}

let temporaries = 0;

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}
