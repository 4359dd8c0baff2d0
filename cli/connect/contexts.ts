import path from 'node:path';
// Before conf, whose writer listens to signals as soon as it is loaded.
import '../frame/signal-listeners.ts';
import Conf from 'conf';
import { UsageError } from '../../core/errors.ts';
import { dropNewSignalListeners } from '../frame/signal-listeners.ts';
import { CONFIG_FOLDER } from './folders.ts';

dropNewSignalListeners();

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

const open = <T extends Record<string, unknown>>(configName: string) =>
  new Conf<T>({
    cwd: process.env.CODY_BATCH_CONFIG_DIR ?? CONFIG_FOLDER,
    configName,
    // Tokens are for this user alone.
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    clearInvalidConfig: false,
  });

const config = () => open<Config>('config');
const tokens = () => open<Record<string, StoredTokens>>('tokens');

/** Where `contexts` are kept, for messages. */
export function configFile(): string {
  return path.join(process.env.CODY_BATCH_CONFIG_DIR ?? CONFIG_FOLDER, 'config.json');
}

export function listContexts(): { name: string; api: string; isCurrent: boolean }[] {
  const { contexts = {}, current } = config().store;
  return Object.entries(contexts).map(([name, { api }]) => ({ name, api, isCurrent: name === current }));
}

/** Throws UsageError if there is no such context. */
export function contextNamed(name: string): Context {
  const found = config().store.contexts?.[name];
  if (found) return found;
  const known = listContexts().map((context) => context.name);
  throw new UsageError(
    `There is no context ${JSON.stringify(name)}; ${known.length > 0 ? `there are ${known.join(', ')}` : 'there is none yet'}. Add one with: cody-batch context add ${name} https://API`,
  );
}

export function currentContext(): (Context & { name: string }) | undefined {
  const { current, contexts } = config().store;
  const found = current === undefined ? undefined : contexts?.[current];
  return found && { ...found, name: current! };
}

export function addContext(name: string, api: string): void {
  const store = config();
  store.set('contexts', { ...store.store.contexts, [name]: { api } });
}

/** `undefined` stands for this machine. */
export function useContext(name: string | undefined): void {
  const store = config();
  if (name === undefined) store.delete('current');
  else {
    contextNamed(name);
    store.set('current', name);
  }
}

export function removeContext(name: string): void {
  const { api } = contextNamed(name);
  const store = config();
  const { [name]: _removed, ...contexts } = store.store.contexts ?? {};
  store.set('contexts', contexts);
  if (store.get('current') === name) store.delete('current');
  forgetTokens(api);
}

export function storedTokens(api: string): StoredTokens | undefined {
  return tokens().store[api];
}

export function storeTokens(api: string, value: StoredTokens): void {
  tokens().set(api, value);
}

/** Returns whether there were any. */
export function forgetTokens(api: string): boolean {
  const store = tokens();
  const had = store.has(api);
  store.delete(api);
  return had;
}

/** The last job that was started from here at this place. */
export function lastJobAt(place: string): string | undefined {
  return config().store.lastJobs?.[place];
}

export function rememberJob(place: string, jobId: string): void {
  try {
    const store = config();
    store.set('lastJobs', { ...store.store.lastJobs, [place]: jobId });
  } catch {
    // `-` is a convenience: a read-only home must not fail a job.
  }
}
