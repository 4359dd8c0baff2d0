import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { contextNamed, currentContext } from './contexts.ts';
import { dataFolderOf } from './folders.ts';

/** Where the jobs are: behind the API of a deployment, or in a data folder of this machine. */
export type Target =
  | { kind: 'api'; url: string; from: string }
  | { kind: 'data'; folder: string; from: string };

export type TargetOptions = { api?: string; context?: string; data?: string; settings?: string };

/** The options that say where the jobs are. */
export const TARGET_OPTIONS = () => [
  new Option('--api <url>', 'the API of a deployment (CODY_BATCH_API)').conflicts(['context', 'data']),
  new Option(
    '--context <name>',
    'a deployment that `cody-batch context` knows; "local" is this machine',
  ).conflicts('data'),
  new Option('--data <dir>', 'a data folder of this machine'),
];

export const SETTINGS_OPTION = () =>
  new Option('--settings <file>', 'a file of settings; the environment wins');

/** The name of the context that stands for this machine. */
export const LOCAL = 'local';

/** By option, then CODY_BATCH_API, then the context in use, then this machine. */
export function targetOf({ api, context, data }: TargetOptions): Target {
  const { CODY_BATCH_API, CODY_BATCH_CONTEXT } = process.env;
  if (data !== undefined) return local(data, '--data');
  if (api !== undefined) return deployment(api, '--api');
  if (context !== undefined) return named(context, '--context');
  if (CODY_BATCH_API) return deployment(CODY_BATCH_API, 'CODY_BATCH_API');
  if (CODY_BATCH_CONTEXT) return named(CODY_BATCH_CONTEXT, 'CODY_BATCH_CONTEXT');
  const current = currentContext();
  return current ? deployment(current.api, `the context ${current.name}`) : local(undefined, 'this machine');
}

function named(name: string, from: string): Target {
  return name === LOCAL ? local(undefined, from) : deployment(contextNamed(name).api, `${from} ${name}`);
}

function local(data: string | undefined, from: string): Target {
  return { kind: 'data', folder: dataFolderOf(data), from };
}

function deployment(url: string, from: string): Target {
  return { kind: 'api', url: apiUrl(url, from), from };
}

/** Throws UsageError unless it is an https URL, or http on this machine: a token must not travel in the clear. */
export function apiUrl(text: string, from: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHere = url !== undefined && /^(?:127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isHere)) return text.replace(/\/+$/, '');
  throw new UsageError(
    `${from} is ${JSON.stringify(text)}; expected the https URL of an API, such as https://example.execute-api.eu-central-1.amazonaws.com.`,
  );
}
