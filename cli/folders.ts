import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Holds the user's `.env` and default data folder, independent of the current folder. */
export const INSTALLATION_FOLDER = fileURLToPath(new URL('../', import.meta.url));

/** The user's current folder. npm runs scripts in the package's folder and sets INIT_CWD to the user's. */
export function invocationFolder(): string {
  return process.env.INIT_CWD ?? process.cwd();
}

/** The named data folder, or that of the installation. Never one of the current folder. */
export function dataFolderOf(given: string | undefined): string {
  return given === undefined ? path.join(INSTALLATION_FOLDER, '.cody-batch') : path.resolve(given);
}
