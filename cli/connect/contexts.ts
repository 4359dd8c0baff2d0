import { readFileSync } from 'node:fs';
import path from 'node:path';
import type Conf from 'conf';
import { UsageError } from '../../core/errors.ts';
import { withoutNewSignalListeners } from '../frame/signal-listeners.ts';
import { CONFIG_FOLDER } from './folders.ts';

/** A deployment that the user named. */
export type Context = { api: string };

/** Tokens of a deployment, by its API's URL. */
export type StoredTokens = {
  issuer: string;
  clientId: string;
  accessToken: string;
  refreshToken?: string;
  /** ISO 8601. */
  expiresAt?: string;
};

type Config = {
  contexts?: Record<string, Context>;
  current?: string;
  /** The last job that was started from here, by the API's URL or the data folder. */
  lastJobs?: Record<string, string>;
};

type Tokens = Record<string, StoredTokens>;

function fileOf(name: 'config' | 'tokens'): string {
  return path.join(process.env.CODY_BATCH_CONFIG_DIR ?? CONFIG_FOLDER, `${name}.json`);
}

/** Where `contexts` are kept, for messages. */
export function configFile(): string {
  return fileOf('config');
}

/** Reads without conf: loading it takes longer than most commands do. */
function read<T extends object>(name: 'config' | 'tokens'): Partial<T> {
  try {
    return JSON.parse(readFileSync(fileOf(name), 'utf8')) as T;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new UsageError(`${fileOf(name)} cannot be read: ${message}. Repair it or remove it.`);
  }
}

const config = () => read<Config>('config');

/** Opens a file for writing. */
async function open<T extends object>(name: 'config' | 'tokens'): Promise<Conf<T>> {
  // Before conf does, whose message would have a stack.
  read(name);
  // The writer that conf uses ends the process at a signal.
  const { default: Conf } = await withoutNewSignalListeners(() => import('conf'));
  return new Conf<T>({
    cwd: path.dirname(fileOf(name)),
    configName: name,
    // Tokens are for this user alone.
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    clearInvalidConfig: false,
  });
}

export function listContexts(): { name: string; api: string; isCurrent: boolean }[] {
  const { contexts = {}, current } = config();
  return Object.entries(contexts).map(([name, { api }]) => ({ name, api, isCurrent: name === current }));
}

/** Throws UsageError if there is no such context. */
export function contextNamed(name: string): Context {
  const found = config().contexts?.[name];
  if (found) return found;
  const known = listContexts().map((context) => context.name);
  throw new UsageError(
    `There is no context ${JSON.stringify(name)}; ${known.length > 0 ? `there are ${known.join(', ')}` : 'there is none yet'}. Add one with: cody-batch context add ${name} https://API`,
  );
}

export function currentContext(): (Context & { name: string }) | undefined {
  const { current, contexts } = config();
  const found = current === undefined ? undefined : contexts?.[current];
  return found && { ...found, name: current! };
}

export async function addContext(name: string, api: string): Promise<void> {
  const store = await open<Config>('config');
  store.set('contexts', { ...store.store.contexts, [name]: { api } });
}

/** `undefined` stands for this machine. */
export async function useContext(name: string | undefined): Promise<void> {
  const store = await open<Config>('config');
  if (name === undefined) store.delete('current');
  else {
    contextNamed(name);
    store.set('current', name);
  }
}

export async function removeContext(name: string): Promise<void> {
  const { api } = contextNamed(name);
  const store = await open<Config>('config');
  const { [name]: _removed, ...contexts } = store.store.contexts ?? {};
  store.set('contexts', contexts);
  if (store.get('current') === name) store.delete('current');
  await forgetTokens(api);
}

export function storedTokens(api: string): StoredTokens | undefined {
  return read<Tokens>('tokens')[api];
}

export async function storeTokens(api: string, value: StoredTokens): Promise<void> {
  (await open<Tokens>('tokens')).set(api, value);
}

/** Returns whether there were any. */
export async function forgetTokens(api: string): Promise<boolean> {
  if (!storedTokens(api)) return false;
  const store = await open<Tokens>('tokens');
  store.delete(api);
  return true;
}

/** The last job that was started from here at this place. */
export function lastJobAt(place: string): string | undefined {
  return config().lastJobs?.[place];
}

export async function rememberJob(place: string, jobId: string): Promise<void> {
  try {
    const store = await open<Config>('config');
    store.set('lastJobs', { ...store.store.lastJobs, [place]: jobId });
  } catch {
    // `-` is a convenience: a read-only home must not fail a job.
  }
}
