import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SettingsError, UsageError } from '../../core/errors.ts';
import { type Configuration, readConfiguration } from '../configuration.ts';

export const COMMANDS = ['deploy', 'synth', 'diff', 'destroy'] as const;
export type Command = (typeof COMMANDS)[number];

export const USAGE = `npm run deploy|synth|diff|destroy -- --environment NAME [options]

  --environment NAME     dev, prod, or another of cdk.json's environments (synth: dev where it is absent)
  --context NAME=VALUE   says for once what cdk.json says for good; once for each
  --profile NAME         the AWS profile
  --hotswap              deploy: changes functions and state machine in place, past CloudFormation; not for prod
  --yes                  deploy, destroy: does not ask
`;

export type Invocation = {
  command: Command;
  configuration: Configuration;
  context: readonly string[];
  profile: string | undefined;
  hotswap: boolean;
  yes: boolean;
};

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Throws UsageError for words that do not fit, and SettingsError for a context that does not. */
export function parseInvocation([command, ...args]: readonly string[]): Invocation {
  if (!COMMANDS.includes(command as Command))
    throw new UsageError(
      `There is no command ${JSON.stringify(command ?? '')}; there are ${COMMANDS.join(', ')}.`,
    );
  const { environment, context = [], profile, hotswap = false, yes = false } = parseOptions(args);
  if (!environment && command !== 'synth')
    throw new UsageError(`Say which environment to ${command}: --environment dev.`);
  const said = new Map<string, unknown>(context.map(nameAndValue));
  if (environment) said.set('environment', environment);
  const written = readContext();
  const configuration = readConfiguration((name) => said.get(name) ?? written[name]);
  if (hotswap && (command !== 'deploy' || configuration.keepData))
    throw new UsageError(
      'Hotswap leaves CloudFormation behind what runs, so it is for deploy, and for environments whose keepData is false.',
    );
  return {
    command: command as Command,
    configuration,
    context,
    profile,
    hotswap,
    yes,
  };
}

function parseOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        environment: { type: 'string' },
        context: { type: 'string', multiple: true },
        profile: { type: 'string' },
        hotswap: { type: 'boolean' },
        yes: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function nameAndValue(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new UsageError(`--context ${pair}: expected NAME=VALUE.`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function readContext(): Record<string, unknown> {
  const file = path.join(ROOT, 'cdk.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')).context ?? {};
  } catch (error) {
    throw new SettingsError(`cdk.json cannot be read: ${(error as Error).message}. Mend it.`, {
      cause: error,
    });
  }
}
