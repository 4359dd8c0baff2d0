import { type Stats, statSync } from 'node:fs';
import { SettingsError } from '../core/errors.ts';

/** Throws SettingsError where another user owns a file or folder of ours, or may write to it. */
export function requireOwn(file: string): void {
  const user = process.geteuid?.();
  const found = statOf(file);
  if (user === undefined || (!found?.isFile() && !found?.isDirectory())) return;
  const { uid, mode } = found;
  const refuse = (problem: string, mend: string) => {
    throw new SettingsError(`${file} ${problem}, so it is not used. ${mend}`);
  };
  if (uid !== user)
    refuse(`belongs to the user ${uid}, and you are ${user}`, 'Make it your own, or name another one.');
  if (mode & 0o002)
    refuse(
      'can be written by every user of this machine',
      `Look through it, then run: chmod -R go-w ${file}`,
    );
}

/** Undefined where it cannot be looked at; why shows when it is used. */
function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
