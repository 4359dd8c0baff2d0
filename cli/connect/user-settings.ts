import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { SettingsError } from '../../core/errors.ts';
import type { Variables } from '../../core/secrets.ts';
import { commandSecretVariables, parseSettings, SETTING_NAMES } from '../../core/settings.ts';
import { DECIDED_BY_STACK, REGION } from '../../local/environment.ts';
import { requireOwn } from '../../local/own-file.ts';
import { tell } from '../terminal/print.ts';
import { invocationFolder, SETTINGS_FILE, userPath } from './folders.ts';

/**
 * The settings that the user gave in a file and in the environment, which wins. Throws SettingsError if one of them is
 * invalid or cannot be used on one machine.
 */
export function userVariables(envFile?: string): Variables {
  loadEnvFile(envFile);
  const given = Object.fromEntries(
    [...SETTING_NAMES, ...commandSecretVariables(process.env)].flatMap((name) =>
      process.env[name] ? [[name, process.env[name]]] : [],
    ),
  );
  refuseDecidedByStack(given);
  if (parseSettings(given).CLAUDE_PROVIDER === 'bedrock') {
    throw new SettingsError(
      'CLAUDE_PROVIDER is bedrock. Workers reach Bedrock by their role on AWS, and on this machine they have none. Remove CLAUDE_PROVIDER, then set ANTHROPIC_API_KEY, or set no key to use the offline model.',
    );
  }
  return given;
}

export function hasClaudeKey(given: Variables): boolean {
  return ['CLAUDE_API_KEY', 'ANTHROPIC_API_KEY'].some((name) => given[name] || given[`${name}_SECRET_ID`]);
}

/**
 * Loads the named file, or the default one. A `.env` in the current folder is not read: it may have come
 * with that folder, and could say where the key is sent.
 */
function loadEnvFile(named: string | undefined): void {
  const file = named === undefined ? SETTINGS_FILE : userPath(named);
  const here = path.join(invocationFolder(), '.env');
  if (
    named === undefined &&
    existsSync(here) &&
    !(existsSync(file) && realpathSync(here) === realpathSync(file))
  ) {
    tell(
      `${here} is not read. Settings come from the environment and from ${file}; name another file with --settings.`,
    );
  }
  if (named === undefined && !existsSync(file)) return;
  requireOwn(file);
  try {
    process.loadEnvFile(file);
  } catch (error) {
    throw new SettingsError(`${file} cannot be read: ${(error as Error).message}. Repair it or remove it.`, {
      cause: error,
    });
  }
}

/** Refuses them because a user would believe that an ignored setting has an effect. */
function refuseDecidedByStack(given: Variables): void {
  const decided = DECIDED_BY_STACK.filter((name) => given[name]);
  if (decided.length > 0) {
    throw new SettingsError(
      `${decided.join(' and ')} cannot be set for this command, because it starts its own AWS on this machine. Remove ${decided.length > 1 ? 'them' : 'it'} from the environment and from .env.`,
    );
  }
  if (given.AWS_REGION && given.AWS_REGION !== REGION) {
    tell(`AWS_REGION is ${given.AWS_REGION} and has no effect: the AWS on this machine is in ${REGION}.`);
  }
}
