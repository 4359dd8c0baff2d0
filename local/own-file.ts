import { type Stats, statSync } from 'node:fs';
import { SettingsError } from '../core/errors.ts';

/** Throws SettingsError if another user owns a file or folder, or if every user may write to it. */
export function requireOwn(file: string): void {
  const user = process.geteuid?.();
  const found = statOf(file);
  if (user === undefined || (!found?.isFile() && !found?.isDirectory())) return;
  const { uid, mode } = found;
  const refuse = (problem: string, remedy: string) => {
    throw new SettingsError(`${file} ${problem}, so it is not used. ${remedy}`);
  };
  if (uid !== user)
    refuse(`belongs to user ${uid}, and you are user ${user}`, 'Change its owner, or name another one.');
  if (mode & 0o002)
    refuse(
      'can be written by every user of this machine',
      `Check its content, then run: chmod -R go-w ${file}`,
    );
}

/** Returns undefined if the file cannot be inspected. The reason shows when it is used. */
function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
