import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { DamagedArtifactError, NotFoundError, SettingsError } from '../errors.ts';
import type { ArtifactStore, StoreOptions, WriteOptions } from './artifact-store.ts';
import { BucketArtifacts } from './bucket-artifacts.ts';
import { FolderArtifacts } from './folder-artifacts.ts';

/** Opens `s3://bucket` or `file:///folder`. */
export function openArtifacts(url: string, options?: StoreOptions): ArtifactStore {
  const { protocol, hostname } = new URL(url);
  if (protocol === 's3:') return new BucketArtifacts(hostname, options);
  if (protocol === 'file:') return new FolderArtifacts(fileURLToPath(url), options);
  throw new SettingsError(
    `ARTIFACTS_URL is ${JSON.stringify(url)}; expected s3://bucket or file:///folder. Correct it.`,
  );
}

/** Reads a JSON artifact and checks its shape. Throws NotFoundError if there is none, and DamagedArtifactError. */
export async function readArtifact<S extends z.ZodType>(
  store: ArtifactStore,
  key: string,
  schema: S,
): Promise<z.infer<S>> {
  let damage: string | undefined;
  const found = await findArtifact(store, key, schema, (reason) => {
    damage = reason;
  });
  if (found !== undefined) return found;
  if (damage === undefined) throw new NotFoundError(`The artifact ${key} does not exist.`);
  throw new DamagedArtifactError(damage);
}

/**
 * Reads a JSON artifact that may be damaged: by a power loss, an editor or another version of the product. Returns
 * undefined if there is none, or it cannot be read; then `setAside` gets the reason. Throws only if the store fails.
 */
export async function findArtifact<S extends z.ZodType>(
  store: ArtifactStore,
  key: string,
  schema: S,
  setAside: (reason: string) => void,
): Promise<z.infer<S> | undefined> {
  const found = await readJson(store, key, setAside);
  return found && parseFound(found.json, key, schema, setAside);
}

/**
 * Reads a JSON artifact of one run, such as an outcome. Returns undefined if it belongs to another run. It checks `run`
 * first: an artifact of an earlier run may be of another version, which is not worth a warning.
 */
export async function findArtifactOfRun<S extends z.ZodType>(
  store: ArtifactStore,
  key: string,
  { run, schema }: { run: number | undefined; schema: S },
  setAside: (reason: string) => void,
): Promise<z.infer<S> | undefined> {
  const found = await readJson(store, key, setAside);
  if (!found) return undefined;
  const dated = OfRun.safeParse(found.json);
  if (dated.success && dated.data.run !== run) return undefined;
  return parseFound(found.json, key, schema, setAside);
}

const OfRun = z.looseObject({ run: z.int() });

/** The bytes of an optional artifact. If it is damaged, returns undefined, and `setAside` gets the reason. */
export async function findBytes(
  store: ArtifactStore,
  key: string,
  setAside: (reason: string) => void,
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
  setAside: (reason: string) => void,
): Promise<{ json: unknown } | undefined> {
  let body: Buffer | undefined;
  try {
    body = await store.read(key);
    return body && { json: JSON.parse(body.toString('utf8')) };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof DamagedArtifactError)) throw error;
    const bytes = body ? `${body.length} bytes: ` : '';
    setAside(`The artifact ${key} cannot be read and is ignored (${bytes}${error.message}).`);
    return undefined;
  }
}

function parseFound<S extends z.ZodType>(
  json: unknown,
  key: string,
  schema: S,
  setAside: (reason: string) => void,
): z.infer<S> | undefined {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') || 'the document';
  setAside(
    `The artifact ${key} does not have the shape that this version reads and is ignored (${where}: ${issue?.message}).`,
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
