import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SettingsError, UsageError } from '../core/errors.ts';
import { commandSecretVariables, parseSettings, SETTING_NAMES, type Variables } from '../core/settings.ts';
import { tell } from '../core/terminal.ts';
import { DECIDED_BY_STACK, REGION } from '../local/environment.ts';
import { requireOwn } from '../local/own-file.ts';

/** Where the user stood: npm runs scripts in the package's folder and says in INIT_CWD where it was called. */
export function invocationFolder(): string {
  return process.env.INIT_CWD ?? process.cwd();
}

/**
 * The settings that the user gave, by a file and by the environment, which wins. Throws SettingsError where one does
 * not fit.
 */
export function userVariables(envFile?: string): Variables {
  loadEnvFile(envFile);
  const given = Object.fromEntries(
    [...SETTING_NAMES, ...commandSecretVariables(process.env)].flatMap((name) =>
      process.env[name] ? [[name, process.env[name]]] : [],
    ),
  );
  refuseWhatIsDecided(given);
  if (parseSettings(given).CLAUDE_PROVIDER === 'bedrock')
    throw new SettingsError(
      'CLAUDE_PROVIDER is bedrock, which workers on AWS reach by their role; here they have none. Remove it and set ANTHROPIC_API_KEY, or neither for the offline model.',
    );
  return given;
}

/** The folder of this installation, whose `.env` and data folder are the user's own wherever they stand. */
const PACKAGE = fileURLToPath(new URL('../', import.meta.url));

/** The one that is named, else the installation's: never that of the folder where the user happens to stand. */
export function dataFolderOf(given: string | undefined): string {
  return given === undefined ? path.join(PACKAGE, '.cody-batch') : path.resolve(given);
}

/**
 * The file that is named, else the installation's `.env`, and only the user's own: one in the folder where the user stands
 * may have come with that folder, and would say where the key goes.
 */
function loadEnvFile(named: string | undefined): void {
  const file = named === undefined ? path.join(PACKAGE, '.env') : path.resolve(named);
  const here = path.resolve('.env');
  if (
    named === undefined &&
    existsSync(here) &&
    realpathSync(here) !== path.join(realpathSync(PACKAGE), '.env')
  )
    tell(`${here} is not read; settings come from the environment and ${file}, or name it by --settings.`);
  if (named === undefined && !existsSync(file)) return;
  requireOwn(file);
  try {
    process.loadEnvFile(file);
  } catch (error) {
    throw new SettingsError(
      `${file} cannot be read: ${(error as Error).message}. Mend it, or move it away.`,
      {
        cause: error,
      },
    );
  }
}

/** A setting that was ignored would be taken for one that holds. */
function refuseWhatIsDecided(given: Variables): void {
  const decided = DECIDED_BY_STACK.filter((name) => given[name]);
  if (decided.length > 0) {
    throw new SettingsError(
      `${decided.join(' and ')} cannot be set for this command, which brings its own AWS on this machine. Remove ${decided.length > 1 ? 'them' : 'it'} from the environment and from .env.`,
    );
  }
  if (given.AWS_REGION && given.AWS_REGION !== REGION)
    tell(`AWS_REGION is ${given.AWS_REGION}; the AWS on this machine is in ${REGION}, whatever that says.`);
}

export function hasClaudeKey(given: Variables): boolean {
  return ['CLAUDE_API_KEY', 'ANTHROPIC_API_KEY'].some((name) => given[name] || given[`${name}_SECRET_ID`]);
}

export async function readPrompt(options: { prompt?: string; 'prompt-file'?: string }): Promise<string> {
  const { prompt, 'prompt-file': file } = options;
  if ((prompt === undefined) === (file === undefined))
    throw new UsageError('Give the change to make by --prompt, or by --prompt-file.');
  const text = prompt ?? (await readPromptFile(path.resolve(invocationFolder(), file!)));
  if (text.trim() === '') throw new UsageError('The prompt is empty; say in words what is to be changed.');
  return text;
}

async function readPromptFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--prompt-file cannot be read: ${(error as Error).message}`);
  }
}
