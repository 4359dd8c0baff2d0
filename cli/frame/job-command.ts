import { type Command, Option } from 'commander';
import { type Connection, type ConnectOptions, withConnection } from '../connect/connection.ts';
import { SETTINGS_OPTION, TARGET_OPTIONS } from '../connect/target.ts';
import { findJobId } from '../jobs/job-reference.ts';
import { type Description, describeCommand, onRun } from './command.ts';

/** A command that works on jobs that exist, with the options that say where they are. */
export function jobCommand(name: string, description: Description): Command {
  const command = describeCommand(name, description);
  const options = [
    ...TARGET_OPTIONS(),
    SETTINGS_OPTION(),
    new Option('--github', 'the data folder has jobs on GitHub itself (GITHUB_TOKEN), if no `serve` runs'),
  ];
  for (const option of options) command.addOption(option.helpGroup('Where the jobs are:'));
  return command;
}

/** Sets the action of a command whose first argument is a job. */
export function onJob<O>(
  command: Command,
  action: (connection: Connection, jobId: string, options: O, ...args: never[]) => Promise<unknown>,
  { resumes = false }: Pick<ConnectOptions, 'resumes'> = {},
): Command {
  return onRun<O & ConnectOptions>(command, async (options, job: string, ...rest) =>
    withConnection({ ...options, resumes }, async (connection) =>
      action(connection, await findJobId(connection, job), options, ...(rest as never[])),
    ),
  );
}
