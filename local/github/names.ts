/** Checks of names of owners, repositories, refs and objects. Names become paths and arguments of git. */

/** GitHub's logins. Enterprise-managed users have underscores. */
export const isOwnerName = (name: string): boolean => /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})$/.test(name);

/** GitHub's repository names, except those that start with a dash or end in `.git` or `.lock`. */
export const isRepositoryName = (name: string): boolean =>
  /^[A-Za-z0-9._][A-Za-z0-9._-]{0,99}$/.test(name) && !/^\.{1,2}$|\.(git|lock)$/i.test(name);

export const isObjectId = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/**
 * The rules of git-check-ref-format(1) for a name below `refs/`. Parts that start with a dash are refused
 * too, as git refuses them for branches.
 */
export function isRefName(ref: string): boolean {
  const parts = ref.split('/');
  return (
    parts.length >= 3 &&
    parts[0] === 'refs' &&
    ref.length <= 1024 &&
    !/\.\.|@\{|[ ~^:?*[\\]|\.$/.test(ref) &&
    !hasControlCharacter(ref) &&
    parts.every((part) => part !== '' && !/^[.-]|\.lock$/.test(part))
  );
}

export const isBranchName = (branch: string): boolean => isRefName(`refs/heads/${branch}`);

/** A file's path in a tree: relative, with `/` between names, without `.git`. */
export const isTreePath = (path: string): boolean =>
  path.length <= 4096 &&
  !path.includes('\0') &&
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/^\.git$/i.test(part));

/** Characters that HFS+ ignores in a name (core.protectHFS of git-config(1)). */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * The name that NTFS reads: up to the colon of a stream, without dots and spaces at the end
 * (core.protectNTFS).
 */
const ntfsName = (name: string): string =>
  name
    .replace(/:.*$/s, '')
    .replace(/[. ]+$/, '')
    .toLowerCase();

/**
 * Whether some file system reads a part of the path as `.git`, or a link as `.gitmodules`; git refuses
 * both in a clone. NTFS also reads a backslash as a slash.
 */
export function isProtectedPath(path: string, mode: string): boolean {
  const parts = path.split(/[\\/]/);
  const forms = (part: string): string[] => [ntfsName(part), part.replace(HFS_IGNORED, '').toLowerCase()];
  if (parts.some((part) => forms(part).some((form) => form === '.git' || form === 'git~1'))) return true;
  const last = forms(parts.at(-1) ?? '');
  return mode === '120000' && last.some((form) => form === '.gitmodules' || /^gitmod~\d$/.test(form));
}

/** A name or an e-mail address that git can write into a commit. */
export const isIdentity = (text: string): boolean =>
  /[\p{L}\p{N}]/u.test(text) && !/[<>]/.test(text) && !hasControlCharacter(text);

function hasControlCharacter(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** GitHub compares the names of accounts, repositories, teams and labels without regard to case. */
export const sameName = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** The name of a GitHub App in URLs and in its bot's login. */
export const appSlugOf = ({ id, slug }: { id: number; slug?: string }): string => slug ?? `app-${id}`;
