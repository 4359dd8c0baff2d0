import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DamagedArtifactError, NotFoundError, SettingsError } from '../errors.ts';
import type { CredentialProvider } from '../worker-credentials.ts';
import { BucketArtifacts } from './bucket-artifacts.ts';
import { FolderArtifacts } from './folder-artifacts.ts';

/** What one reads at length: S3 on AWS, a directory on one machine. Keys are S3 keys: `jobs/{jobId}/…`. */
export interface ArtifactStore {
  /** Undefined if there is none. Throws DamagedArtifactError for one that is larger than any of its kind can be. */
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
  /**
   * Whether it must outlive a power loss once `write` has returned: for what costs money to make again. S3 always keeps
   * what it has accepted.
   */
  durable?: boolean;
};

export type StoreOptions = {
  /**
   * Whether this process may list the bucket. One that may not is not told a missing object from one that it may not
   * read, and takes both as missing.
   */
  mayList?: boolean;
  /** Of the client of S3; what the SDK finds by itself where it is absent. */
  credentials?: CredentialProvider | undefined;
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
export function openArtifacts(url: string, options?: StoreOptions): ArtifactStore {
  const { protocol, hostname } = new URL(url);
  if (protocol === 's3:') return new BucketArtifacts(hostname, options);
  if (protocol === 'file:') return new FolderArtifacts(fileURLToPath(url));
  throw new SettingsError(`ARTIFACTS_URL is ${JSON.stringify(url)}; expected s3://bucket or file:///folder`);
}

/** Reads a JSON artifact and checks its shape. Throws NotFoundError where there is none, and DamagedArtifactError. */
export async function readArtifact<S extends z.ZodType>(
  store: ArtifactStore,
  key: string,
  schema: S,
): Promise<z.infer<S>> {
  let why: string | undefined;
  const found = await findArtifact(store, key, schema, (said) => {
    why = said;
  });
  if (found !== undefined) return found;
  if (why === undefined) throw new NotFoundError(`The artifact ${key} does not exist.`);
  throw new DamagedArtifactError(why);
}

/**
 * Reads a JSON artifact that nobody may trust to be whole: a power loss, an editor or another version of the product may
 * have left anything there. Undefined where there is none, and where it cannot be read; `setAside` is then told why.
 * Throws only where the store itself cannot be reached.
 */
export async function findArtifact<S extends z.ZodType>(
  store: ArtifactStore,
  key: string,
  schema: S,
  setAside: (why: string) => void,
): Promise<z.infer<S> | undefined> {
  const found = await readJson(store, key, setAside);
  return found && parseFound(found.json, key, schema, setAside);
}

/**
 * The same for an artifact of one run, such as an outcome: undefined where it is of another run. Only its `run` is looked
 * at first, because an earlier run's may be of another version, which is not worth a word.
 */
export async function findArtifactOfRun<S extends z.ZodType>(
  store: ArtifactStore,
  key: string,
  { run, schema }: { run: number | undefined; schema: S },
  setAside: (why: string) => void,
): Promise<z.infer<S> | undefined> {
  const found = await readJson(store, key, setAside);
  if (!found) return undefined;
  const dated = OfRun.safeParse(found.json);
  if (dated.success && dated.data.run !== run) return undefined;
  return parseFound(found.json, key, schema, setAside);
}

const OfRun = z.looseObject({ run: z.int() });

/** The bytes of an artifact that a worker wrote and a reader can do without. `setAside` is told why there are none. */
export async function findBytes(
  store: ArtifactStore,
  key: string,
  setAside: (why: string) => void,
): Promise<Buffer | undefined> {
  try {
    return await store.read(key);
  } catch (error) {
    if (!(error instanceof DamagedArtifactError)) throw error;
    setAside(error.message);
    return undefined;
  }
}

async function readJson(
  store: ArtifactStore,
  key: string,
  setAside: (why: string) => void,
): Promise<{ json: unknown } | undefined> {
  let body: Buffer | undefined;
  try {
    body = await store.read(key);
    return body && { json: JSON.parse(body.toString('utf8')) };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof DamagedArtifactError)) throw error;
    const bytes = body ? `${body.length} bytes: ` : '';
    setAside(`The artifact ${key} cannot be read and is left aside (${bytes}${error.message}).`);
    return undefined;
  }
}

function parseFound<S extends z.ZodType>(
  json: unknown,
  key: string,
  schema: S,
  setAside: (why: string) => void,
): z.infer<S> | undefined {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') || 'the whole of it';
  setAside(
    `The artifact ${key} does not have the shape that this version reads and is left aside (${where}: ${issue?.message}).`,
  );
  return undefined;
}

export async function writeArtifact(
  store: ArtifactStore,
  key: string,
  value: unknown,
  options?: WriteOptions,
): Promise<void> {
  await store.write(key, JSON.stringify(value), { contentType: 'application/json', ...options });
}
