import { SettingsError } from '../../core/errors.ts';

/** The first with `git merge-tree --write-tree`, which the local GitHub merges with. */
const OLDEST = { major: 2, minor: 38 };

/** Checks git before anything starts that needs it. Throws SettingsError if it is missing or too old. */
export async function requireGit(): Promise<void> {
  const install = `install git ${OLDEST.major}.${OLDEST.minor} or newer and put it on PATH.`;
  const { simpleGit } = await import('simple-git');
  // Without GIT_* variables of the shell, a home or a repository: no configuration takes part.
  const git = simpleGit({ baseDir: '/' }).env({ PATH: process.env.PATH ?? '' });
  const { installed, major, minor, patch } = await git.version().catch((cause: Error) => {
    // simple-git's message goes on with a stack.
    throw new SettingsError(`git does not run (${cause.message.split('\n')[0]}); ${install}`, { cause });
  });
  if (!installed) throw new SettingsError(`git was not found; ${install}`);
  // simple-git's answer for a git that failed.
  if (major === 0) throw new SettingsError(`git does not run (it printed no version); ${install}`);
  if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor))
    throw new SettingsError(`git version ${major}.${minor}.${patch} is too old; ${install}`);
}
