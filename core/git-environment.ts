/** Settings of a git process, which it finds in its environment: then they are in no file and in no list of processes. */
export type GitConfig = Readonly<Record<string, string>>;

/**
 * The configuration of every git process of the product. Git reads no configuration of a repository, a user or the
 * machine, and starts no other program.
 */
export const CLOSED_CONFIG: GitConfig = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  // Paths that would be `.git` on a disk that folds names are refused everywhere, since a clone may land on one.
  'core.protectHFS': 'true',
  'core.protectNTFS': 'true',
  'submodule.recurse': 'false',
  // A detached garbage collection would outlive the process that started it.
  'gc.auto': '0',
  'maintenance.auto': 'false',
  // git would send its headers, with the token in them, to whatever host a redirect names.
  'http.followRedirects': 'false',
};

/**
 * The whole environment of a git process: messages in one language, no configuration of the user or the machine, no
 * question on a terminal, and `protocol` as the only transport (none at all where it is empty). Nothing is inherited but
 * PATH, so that no GIT_* variable of the shell reaches git.
 */
export function closedGitEnvironment(config: GitConfig, protocol: string): Record<string, string> {
  return {
    // The one variable that is not ours to choose: it says where git is.
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    // A missing object is an error; it is not fetched from a server that a repository names (git 2.44 and newer).
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: protocol,
    GIT_TEMPLATE_DIR: '',
    ...configEnvironment(config),
  };
}

/** Replaces the settings of an environment. */
export function configEnvironment(config: GitConfig): Record<string, string> {
  const entries = Object.entries(config);
  return Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(entries.length)],
    ...entries.flatMap(([key, value], i) => [
      [`GIT_CONFIG_KEY_${i}`, key],
      [`GIT_CONFIG_VALUE_${i}`, value],
    ]),
  ]);
}

const MIB = 1024;
/** KiB of memory that git may hold on a work tree: several times what a tree of 500,000 files takes. */
const MAX_MEMORY_KIB = 400 * MIB;
/**
 * The same for a clone or a fetch, which holds the largest file of the repository (100 MB on GitHub) several times for each
 * of its threads. A commit or a tree is held whole, and a few megabytes of a pack can be gigabytes of it.
 */
const MAX_TRANSFER_KIB = 1536 * MIB;

/**
 * A shell script that runs git with its arguments. It bounds git's memory where the system can, which a tree may ask for
 * without end (ignore files, attributes, patterns); and where memory still runs out, it is git that is ended, and not the
 * process that can say so.
 */
export const BOUNDED_GIT = boundedGit(MAX_MEMORY_KIB);
/** The same for what speaks to a server. */
export const BOUNDED_TRANSFER = boundedGit(MAX_TRANSFER_KIB);

function boundedGit(kib: number): string {
  return `{ echo 1000 > /proc/self/oom_score_adj; ulimit -d ${kib}; } 2> /dev/null
exec git "$@"
`;
}
