import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What git needs to run the same on each machine: an author, no configuration of the machine, no prompts, English. */
export const GIT_ENVIRONMENT = {
  PATH: process.env.PATH ?? '',
  GIT_AUTHOR_NAME: 'A Developer',
  GIT_AUTHOR_EMAIL: 'developer@example.com',
  GIT_COMMITTER_NAME: 'A Developer',
  GIT_COMMITTER_EMAIL: 'developer@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  // Each commit and fetch would start a process that looks for something to do.
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'maintenance.auto',
  GIT_CONFIG_VALUE_0: 'false',
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
};

/** Runs git in a folder; returns what it prints, without the last line end. */
export async function git(folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('git', ['-C', folder, ...args], {
    env: GIT_ENVIRONMENT,
    maxBuffer: 256 * 1024 * 1024,
  });
  return stdout.trimEnd();
}
