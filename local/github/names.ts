/** What may name an owner, a repository, a ref or an object. Names become paths and git arguments, so this is a gate. */

/** GitHub's logins; underscores are those of enterprise-managed users. */
export const isOwnerName = (name: string): boolean => /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})$/.test(name);

/** GitHub's repository names, without those that start with a dash or that would end a path in `.git` or `.lock`. */
export const isRepositoryName = (name: string): boolean =>
  /^[A-Za-z0-9._][A-Za-z0-9._-]{0,99}$/.test(name) && !/^\.{1,2}$|\.(git|lock)$/i.test(name);

export const isObjectId = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/**
 * The rules of git-check-ref-format(1) for a name below `refs/`, without components that start with a dash, which
 * git itself refuses for branches.
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

/** A file's path in a tree: relative, `/` between names, and no name that git keeps for itself. */
export const isTreePath = (path: string): boolean =>
  path.length <= 4096 &&
  !path.includes('\0') &&
  path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/^\.git$/i.test(part));

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
