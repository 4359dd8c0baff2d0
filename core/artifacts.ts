import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { BucketArtifacts } from './bucket-artifacts.ts';
import { NotFoundError, SettingsError } from './errors.ts';
import { FolderArtifacts } from './folder-artifacts.ts';

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
  /** The repositories that a request for pull requests named. */
  selection: (jobId: string, digest: string) => `jobs/${jobId}/selections/${digest}.json`,
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
  if (protocol === 's3:') return new BucketArtifacts(hostname);
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
