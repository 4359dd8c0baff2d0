/**
 * Folds a path as any disk might: without case and composition of letters, without invisible characters (HFS+), and
 * without trailing dots and blanks or a colon and what follows it (NTFS).
 */
export function foldPath(path: string): string {
  return path.split('/').map(foldName).join('/');
}

function foldName(name: string): string {
  return name
    .normalize('NFC')
    .replace(/\p{Cf}/gu, '')
    .replace(/:.*$/s, '')
    .replace(/[. ]+$/, '')
    .toLowerCase();
}

/** `a` and `a/b` for `a/b/c`. */
export function ancestorsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** Whether a path has characters that move a cursor or end a line, so that a terminal would show another path. */
export function hasControlCharacters(path: string): boolean {
  return /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(path);
}

/** The names of Windows's devices, with any extension. */
const WINDOWS_DEVICE =
  /^(?:con|prn|aux|nul|com[1-9\u00b9\u00b2\u00b3]|lpt[1-9\u00b9\u00b2\u00b3])(?:[. ]|$)/i;

/** Whether Windows cannot have a file of this name, so that a checkout there fails or omits it. */
export function isUnknownToWindows(path: string): boolean {
  return path.split('/').some((name) => WINDOWS_DEVICE.test(name) || /[<>:"|?*\\]|[. ]$/.test(name));
}

/**
 * Whether a name on the path is, on some disk, that of git's folder. Git stores no such path, and skips it silently
 * (verify_path in its read-cache.c, with core.protectHFS and core.protectNTFS).
 */
export function isInGitFolder(path: string): boolean {
  return path
    .split('/')
    .some((name) => /(?:^|\\)(?:\.git|git~1)[. ]*(?:[:\\]|$)/i.test(name.replace(/\p{Cf}/gu, '')));
}

/**
 * Whether a symbolic link may lead out of the tree: its target is absolute, or has `..` above the root, or has `..` after
 * a name, which may be another link.
 */
export function leavesTree(link: string, target: string): boolean {
  const parts = target.split('/').filter((part, i) => part !== '.' && (part !== '' || i === 0));
  const down = parts.findIndex((part) => part !== '..');
  const climbs = down < 0 ? parts.length : down;
  const depth = link.split('/').length - 1;
  return target === '' || parts[0] === '' || climbs > depth || parts.slice(climbs).includes('..');
}
