import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { SettingsError } from '../../core/errors.ts';

const run = promisify(execFile);

/** Counts threads too. Enough for a build; stops a fork bomb. */
const MAX_PROCESSES = 4096;

/**
 * The container's user for the job's commands. It cannot read what the worker has: /proc/<worker>/environ,
 * the git directory, the address of the task's credentials. The work tree changes owner: it belongs to this
 * user during a command, and to the worker otherwise.
 *
 * The worker does not run as root. It changes users with the first `setpriv` on its PATH, which is setuid
 * root and which only the worker may run (docs/security.md).
 */
export class CommandUser {
  readonly #user: string;
  readonly #worker = `${process.getuid?.()}:${process.getgid?.()}`;

  private constructor(user: string) {
    this.#user = user;
  }

  /** `setting` is COMMAND_USER, `uid:gid`. Throws SettingsError if this process cannot become that user. */
  static async open(setting: string): Promise<CommandUser> {
    const user = new CommandUser(setting);
    if (process.getuid?.() === 0)
      throw new SettingsError(
        'COMMAND_USER is set, but this worker runs as root. Start it as another user whose setpriv may change users, or remove COMMAND_USER.',
      );
    try {
      await user.#asRoot(['true']);
    } catch (cause) {
      throw new SettingsError(
        'COMMAND_USER is set, but this worker may not change users. Put a setpriv that is setuid root, and that only its group may run, first on its PATH (docs/security.md), or remove COMMAND_USER.',
        { cause },
      );
    }
    return user;
  }

  /** Returns the program and arguments that run `command` as this user, without privileges. */
  command(command: readonly string[]): string[] {
    return [...this.#become(), 'prlimit', `--nproc=${MAX_PROCESSES}`, '--core=0', '--', ...command];
  }

  /** Ends every process of this user, with one signal to all, so that no fork escapes it. */
  async endAll(): Promise<void> {
    const [program, ...args] = [...this.#become(), '/bin/sh', '-c', 'kill -s KILL -- -1'] as const;
    // It fails if there is no process.
    await run(program!, args, { env: environment() }).catch(() => {});
  }

  /** Gives the worker's files in these folders to this user. */
  async lend(...folders: string[]): Promise<void> {
    await this.#chown(this.#worker, this.#user, folders);
  }

  /** Gives them back to the worker. Requires that none of this user's processes runs. */
  async takeBack(...folders: string[]): Promise<void> {
    await this.#chown(this.#user, this.#worker, folders);
  }

  /** Removes folders of any owner and mode. */
  removeSync(...folders: string[]): void {
    const [program, ...args] = [...ROOT, 'rm', '-rf', '--', ...folders];
    execFileSync(program!, args, { env: environment(), stdio: 'ignore' });
  }

  /** Changes links themselves, never their targets. The kernel clears setuid bits. */
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
      'setpriv',
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      '--no-new-privs',
      '--inh-caps=-all',
      '--bounding-set=-all',
      '--',
    ];
  }
}

const ROOT = ['setpriv', '--reuid=0', '--regid=0', '--clear-groups', '--'];

function environment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '' };
}
