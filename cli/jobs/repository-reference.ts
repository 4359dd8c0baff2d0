import { realpathSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../core/errors.ts';
import { userPath } from '../connect/folders.ts';

/**
 * The repositories of a job that the user means, of its own names: `owner/name`, the name alone, a pattern with `*`, or the
 * path of a work tree. Throws UsageError for one that the job does not have.
 */
export function findNames(given: readonly string[], known: readonly string[], option?: string): string[] {
  const found = given.flatMap((one) => {
    const names = namesOf(one, known);
    if (names.length > 0) return names;
    const some = known.slice(0, 3).join(', ');
    throw new UsageError(
      `${option ? `${option} ` : ''}${one} is not a repository of this job. It has ${some || 'none'}${known.length > 3 ? ` and ${known.length - 3} more` : ''}.`,
    );
  });
  return [...new Set(found)];
}

function namesOf(given: string, known: readonly string[]): string[] {
  const wanted = given.toLowerCase();
  const exact = known.filter((name) => name.toLowerCase() === wanted);
  if (exact.length > 0) return exact;
  if (given.includes('*')) {
    const pattern = new RegExp(`^${wanted.split('*').map(escapeForPattern).join('.*')}$`);
    return known.filter((name) => pattern.test(name.toLowerCase()));
  }
  const byName = known.filter((name) => name.toLowerCase().split('/')[1] === wanted);
  if (byName.length > 0) return byName;
  const folder = folderNameOf(given);
  return folder ? known.filter((name) => name.toLowerCase() === `local/${folder.toLowerCase()}`) : [];
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function folderNameOf(given: string): string | undefined {
  try {
    return path.basename(realpathSync(userPath(given)));
  } catch {
    return undefined;
  }
}

/** One repository of a job; it need not be named if the job has one. */
export function onlyName(given: string | undefined, rows: readonly { repositoryName: string }[]): string {
  const known = rows.map(({ repositoryName }) => repositoryName);
  const names = given === undefined ? known : findNames([given], known);
  if (names.length === 1) return names[0]!;
  throw new UsageError(
    names.length === 0
      ? 'The job has no repositories yet.'
      : `Name one of the ${names.length} repositories: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}.`,
  );
}
