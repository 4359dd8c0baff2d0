import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SettingsError } from '../core/errors.ts';
import { gitEnvironment } from '../local/github/git.ts';

/** The first with `git merge-tree --write-tree`, by which the local GitHub merges. */
const OLDEST = [2, 38] as const;

/** Throws SettingsError where there is no git, or one that is too old: before anything is started that would need it. */
export async function requireGit(): Promise<void> {
  const install = `install git ${OLDEST.join('.')} or newer and put it on PATH.`;
  const { stdout } = await promisify(execFile)('git', ['--version'], { env: gitEnvironment() }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new SettingsError(
        error.code === 'ENOENT'
          ? `git was not found; ${install}`
          : `git does not run (${error.message}); ${install}`,
        { cause: error },
      );
    },
  );
  const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
  const isOld = Number(major) < OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) < OLDEST[1]);
  if (isOld) throw new SettingsError(`${stdout.trim()} is too old; ${install}`);
}
