import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SettingsError, UsageError } from '../../core/errors.ts';
import { RepositoryName } from '../../core/job.ts';
import { type Configuration, readConfiguration } from '../configuration.ts';
import { PARTS, type Part } from './only.ts';

export const COMMANDS = ['deploy', 'synth', 'diff', 'destroy'] as const;
export type Command = (typeof COMMANDS)[number];

export const USAGE = `npm run deploy|synth|diff|destroy -- --environment NAME [options]

  --environment NAME     dev, prod, or another of cdk.json's environments (default of synth: dev)
  --context NAME=VALUE   overrides a value of cdk.json; may be repeated
  --profile NAME         the AWS profile
  --hotswap              deploy: updates functions and the state machine without CloudFormation; not for prod
  --only PART            deploy: page, functions or worker alone, and the rest as it is deployed
  --smoke OWNER/NAME     deploy: then runs a job on this repository, for at most $0.10 of Claude
  --yes                  deploy, destroy: do not ask for confirmation
`;

export type Invocation = {
  command: Command;
  configuration: Configuration;
  context: readonly string[];
  profile: string | undefined;
  hotswap: boolean;
  only: Part | undefined;
  /** The repository of the job that is run after a deployment. */
  smoke: string | undefined;
  yes: boolean;
};

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Throws UsageError for invalid arguments, and SettingsError for an invalid context. */
export function parseInvocation([command, ...args]: readonly string[]): Invocation {
  if (!COMMANDS.includes(command as Command))
    throw new UsageError(
      `There is no command ${JSON.stringify(command ?? '')}. The commands are ${COMMANDS.join(', ')}.`,
    );
  const { environment, context = [], profile, hotswap = false, yes = false, ...given } = parseOptions(args);
  const { only, smoke } = given;
  if (!environment && command !== 'synth')
    throw new UsageError(`${command} needs an environment. Name it, such as --environment dev.`);
  const overrides = new Map<string, unknown>(context.map(nameAndValue));
  if (environment) overrides.set('environment', environment);
  const written = readContext();
  const configuration = readConfiguration((name) => overrides.get(name) ?? written[name]);
  if (hotswap && (command !== 'deploy' || configuration.keepData))
    throw new UsageError(
      '--hotswap is only for deploy, and for environments whose keepData is false, because it makes the stack drift from its template. Leave it out.',
    );
  if (only !== undefined && (command !== 'deploy' || hotswap || !PARTS.includes(only as Part)))
    throw new UsageError(
      `--only is ${only}; expected ${PARTS.join(', ')}, with deploy and without --hotswap. Correct it, or leave it out.`,
    );
  if (smoke !== undefined && (command !== 'deploy' || !RepositoryName.safeParse(smoke).success))
    throw new UsageError(
      `--smoke is ${smoke}; expected OWNER/NAME, with deploy. Correct it, or leave it out.`,
    );
  return {
    command: command as Command,
    configuration,
    context,
    profile,
    hotswap,
    only: only as Part | undefined,
    smoke,
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
        only: { type: 'string' },
        smoke: { type: 'string' },
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
  if (at < 1) throw new UsageError(`--context ${pair} is not NAME=VALUE.`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function readContext(): Record<string, unknown> {
  const file = path.join(ROOT, 'cdk.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')).context ?? {};
  } catch (error) {
    throw new SettingsError(`cdk.json cannot be read: ${(error as Error).message}. Correct it.`, {
      cause: error,
    });
  }
}
