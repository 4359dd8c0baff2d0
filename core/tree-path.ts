/**
 * A path of a tree as some disk may take it: one that ignores case and how a letter is composed, or that leaves out
 * invisible characters (HFS+), dots and blanks at the end of a name, or what follows a colon (NTFS).
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

/** `a/b/c` has `a` and `a/b`. */
export function ancestorsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** Whether a name has characters that move a cursor or end a line: a terminal shows another path than there is. */
export function hasControlCharacters(path: string): boolean {
  return /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(path);
}

/** What Windows has devices under, with any ending. */
const WINDOWS_DEVICE =
  /^(?:con|prn|aux|nul|com[1-9\u00b9\u00b2\u00b3]|lpt[1-9\u00b9\u00b2\u00b3])(?:[. ]|$)/i;

/** Whether Windows can have no file of this name, so that a checkout there fails or leaves the file out. */
export function isUnknownToWindows(path: string): boolean {
  return path.split('/').some((name) => WINDOWS_DEVICE.test(name) || /[<>:"|?*\\]|[. ]$/.test(name));
}

/**
 * Whether a name on the path is, on some disk, that of git's own folder: git stores no such path, and says nothing where it
 * passes over one (verify_path in its read-cache.c, with core.protectHFS and core.protectNTFS).
 */
export function isInGitFolder(path: string): boolean {
  return path
    .split('/')
    .some((name) => /(?:^|\\)(?:\.git|git~1)[. ]*(?:[:\\]|$)/i.test(name.replace(/\p{Cf}/gu, '')));
}

/**
 * Whether a symbolic link may lead out of the tree: its target is absolute, or climbs above the root, or climbs after it
 * went down, where another link decides what it climbs from.
 */
export function leavesTree(link: string, target: string): boolean {
  const parts = target.split('/').filter((part, i) => part !== '.' && (part !== '' || i === 0));
  const down = parts.findIndex((part) => part !== '..');
  const climbs = down < 0 ? parts.length : down;
  const depth = link.split('/').length - 1;
  return target === '' || parts[0] === '' || climbs > depth || parts.slice(climbs).includes('..');
}
