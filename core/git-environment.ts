/** Settings that a git process reads from its environment, so that they are in no file and in no process list. */
export type GitConfig = Readonly<Record<string, string>>;

/**
 * The configuration of every git process of the product. Git reads no configuration of a repository, a user or the
 * machine, and starts no other program.
 */
export const CLOSED_CONFIG: GitConfig = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  // Refuse paths that are `.git` on a disk that folds names: the change may be cloned onto one.
  'core.protectHFS': 'true',
  'core.protectNTFS': 'true',
  'submodule.recurse': 'false',
  // A detached garbage collection would outlive the process that started it.
  'gc.auto': '0',
  'maintenance.auto': 'false',
  // On a redirect git would send its headers, with the token in them, to another host.
  'http.followRedirects': 'false',
};

/**
 * The whole environment of a git process: messages in English, no configuration of the user or the machine, no question
 * on a terminal, and `protocol` as the only transport (none if it is empty). Only PATH is inherited, so no GIT_* variable
 * of the shell reaches git.
 */
export function closedGitEnvironment(config: GitConfig, protocol: string): Record<string, string> {
  return {
    // Only the machine knows where git is.
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    // A missing object is an error. Without this git fetches it from a server that the repository names (git 2.44 and newer).
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: protocol,
    GIT_TEMPLATE_DIR: '',
    ...configEnvironment(config),
  };
}

/** The variables that hold `config`. Spread over an environment, they replace its settings. */
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

const KIB_PER_MIB = 1024;
/** Memory of git on a work tree: several times what a tree of 500,000 files takes. */
const MAX_MEMORY_KIB = 400 * KIB_PER_MIB;
/**
 * Memory of a clone or a fetch, which holds the largest file of the repository (100 MB on GitHub) several times for each
 * of its threads. It holds a commit or a tree whole, and a few megabytes of a pack can expand to gigabytes.
 */
const MAX_TRANSFER_KIB = 1536 * KIB_PER_MIB;

/**
 * The program that runs git on a work tree; git's arguments follow. It bounds git's memory where the system can: ignore
 * files, attributes and patterns can make git hold any amount. If memory runs out, the kernel ends git first, so that its
 * caller can report it.
 */
export const BOUNDED_GIT = boundedGit(MAX_MEMORY_KIB);
/** The same for a git that transfers objects from or to a server. */
export const BOUNDED_TRANSFER = boundedGit(MAX_TRANSFER_KIB);

function boundedGit(kib: number): readonly [string, ...string[]] {
  const script = `{ echo 1000 > /proc/self/oom_score_adj; ulimit -d ${kib}; } 2> /dev/null
exec git "$@"
`;
  return ['/bin/sh', '-c', script, 'git'];
}
