import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { SettingsError } from '../../core/errors.ts';

const run = promisify(execFile);

/** Threads count as processes here: enough for a build, and an end to a fork that never stops. */
const MAX_PROCESSES = 4096;

/**
 * The user of the container who runs the job's commands and nothing else. What the worker knows is out of its reach:
 * /proc/<worker>/environ, the git directory, the address of the task's credentials. The work tree belongs to whoever
 * works on it: it is lent for a command and taken back after it.
 *
 * The worker itself is no root. It changes users by a `setpriv` of its own, the first on its PATH, which only it may
 * run and which is setuid root (docs/security.md).
 */
export class CommandUser {
  readonly #user: string;
  readonly #worker = `${process.getuid?.()}:${process.getgid?.()}`;

  private constructor(user: string) {
    this.#user = user;
  }

  /** `setting` is COMMAND_USER, `uid:gid`. Throws SettingsError where this process cannot become that user. */
  static async open(setting: string): Promise<CommandUser> {
    const user = new CommandUser(setting);
    if (process.getuid?.() === 0)
      throw new SettingsError(
        'COMMAND_USER is set, but this worker runs as root; start it as a user of its own whose setpriv may change users, or remove COMMAND_USER.',
      );
    try {
      await user.#asRoot(['true']);
    } catch (cause) {
      throw new SettingsError(
        'COMMAND_USER is set, but this worker may not change users; put first on its PATH a setpriv that is setuid root and that only its group may run (docs/security.md), or remove COMMAND_USER.',
        { cause },
      );
    }
    return user;
  }

  /** The program and arguments that run `command` as this user, without privileges and without a way to any. */
  command(command: readonly string[]): string[] {
    return [...this.#become(), 'prlimit', `--nproc=${MAX_PROCESSES}`, '--core=0', '--', ...command];
  }

  /** Ends every process of this user. The kernel does it in one step, which no fork outruns. */
  async endAll(): Promise<void> {
    const [program, ...args] = [...this.#become(), '/bin/sh', '-c', 'kill -s KILL -- -1'] as const;
    // A failure says that there was no process.
    await run(program!, args, { env: environment() }).catch(() => {});
  }

  async lend(...folders: string[]): Promise<void> {
    await this.#chown(this.#worker, this.#user, folders);
  }

  /** Only when none of this user's processes runs. */
  async takeBack(...folders: string[]): Promise<void> {
    await this.#chown(this.#user, this.#worker, folders);
  }

  /** Whatever their owners and modes. */
  removeSync(...folders: string[]): void {
    const [program, ...args] = [...ROOT, 'rm', '-rf', '--', ...folders];
    execFileSync(program!, args, { env: environment(), stdio: 'ignore' });
  }

  /** Links themselves, never what they point to; the kernel drops setuid bits on the way. */
  async #chown(from: string, to: string, folders: readonly string[]): Promise<void> {
    await this.#asRoot([
      'chown',
      '--recursive',
      '--no-dereference',
      `--from=${from.split(':')[0]}`,
      to,
      '--',
      ...folders,
    ]);
  }

  async #asRoot(command: readonly string[]): Promise<void> {
    const [program, ...args] = [...ROOT, ...command];
    await run(program!, args, { env: environment() });
  }

  #become(): string[] {
    const [uid, gid] = this.#user.split(':');
    return [
      ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'],
      ...['--inh-caps=-all', '--bounding-set=-all', '--'],
    ];
  }
}

const ROOT = ['setpriv', '--reuid=0', '--regid=0', '--clear-groups', '--'];

function environment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '' };
}
