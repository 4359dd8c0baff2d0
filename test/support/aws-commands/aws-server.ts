import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { firstLine } from '../first-line.ts';
import { PLAIN_ENVIRONMENT } from '../stack.ts';

const HERE = import.meta.dirname;

export type AwsServer = {
  /** Has a program `aws`, for PATH. */
  programs: string;
  /** Environment variables by which that program finds the server. */
  variables: Record<string, string>;
  close(): Promise<void>;
};

/**
 * The AWS CLI as one process that runs many commands: each alone would spend half a second of CPU on its start. `folder` is
 * for its files; `python` runs what passes a command to it.
 */
export async function startAwsServer(cli: string, python: string, folder: string): Promise<AwsServer> {
  const programs = path.join(folder, 'programs');
  const config = path.join(folder, 'plugins');
  const variables = { AWS_SERVER_SOCKET: path.join(folder, 'aws.sock') };
  await mkdir(programs);
  const client = `#!/bin/sh\nexec '${python}' -IS '${path.join(HERE, 'aws_client.py')}' "$@"\n`;
  await writeFile(path.join(programs, 'aws'), client, { mode: 0o755 });
  await writeFile(config, `[plugins]\ncli_legacy_plugin_path = ${HERE}\nserver = aws_server\n`);
  const server = spawn(cli, ['--version'], {
    cwd: folder,
    env: {
      ...{ ...PLAIN_ENVIRONMENT, ...variables, HOME: folder },
      ...{ AWS_CONFIG_FILE: config, PYTHONDONTWRITEBYTECODE: '1' },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  const line = await firstLine(server, 'The AWS CLI');
  if (line !== 'listening') throw new Error(`The AWS CLI did not load its plugin. It printed: ${line}`);
  return {
    programs,
    variables,
    close: async () => {
      server.kill();
      await ended;
    },
  };
}
