import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import envPaths from 'env-paths';

/** A checkout keeps its data and settings in itself; an installed package may be in a folder that the user cannot write. */
const CHECKOUT = import.meta.url.endsWith('.ts')
  ? fileURLToPath(new URL('../../', import.meta.url))
  : undefined;

/** The platform's own folders for this user. */
const PLATFORM = envPaths('cody-batch', { suffix: '' });

/** Has the settings of the command line, its contexts and its tokens. */
export const CONFIG_FOLDER = PLATFORM.config;

/** The file of settings if none is named: of the checkout, or among this user's configuration. */
export const SETTINGS_FILE = path.join(CHECKOUT ?? PLATFORM.config, '.env');

/** The user's current folder. npm runs scripts in the package's folder and sets INIT_CWD to the user's. */
export function invocationFolder(): string {
  return process.env.INIT_CWD ?? process.cwd();
}

/** A path that the user gave, which is relative to where they are. */
export function userPath(given: string): string {
  return path.resolve(invocationFolder(), given);
}

/** The named data folder, or the default one. Never one of the current folder. */
export function dataFolderOf(given: string | undefined): string {
  if (given !== undefined) return userPath(given);
  return CHECKOUT ? path.join(CHECKOUT, '.cody-batch') : PLATFORM.data;
}

/** Whether the command runs from a checkout, which is needed to deploy. */
export function isCheckout(): boolean {
  return CHECKOUT !== undefined && existsSync(path.join(CHECKOUT, 'cdk.json'));
}
