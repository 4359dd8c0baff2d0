import { setTimeout as sleep } from 'node:timers/promises';
import {
  BOUNDED_GIT,
  BOUNDED_TRANSFER,
  CLOSED_CONFIG,
  closedGitEnvironment,
  configEnvironment,
  type GitConfig,
} from '../../core/git-environment.ts';
import {
  GitBoundExceededError,
  GitError,
  GitFailedError,
  type GitProcess,
  runGit,
} from '../../core/git-process.ts';
import { oomKills } from '../sandbox/oom-kills.ts';
import { baseEnvironment, type Workspace } from '../sandbox/workspace.ts';

/**
 * A signal from outside ended git, for example at the shutdown of the host: neither this worker nor the
 * kernel's out-of-memory killer sent it. Another attempt may succeed.
 */
export class GitInterruptedError extends GitError {
  override readonly name = 'GitInterruptedError';
}

/** A signal to the process group may reach git up to this long before it reaches this process. */
const GROUP_SIGNAL_MS = 1000;

type TransferOptions = Pick<GitProcess, 'signal' | 'read' | 'maxBytes'>;

/** @default timeoutMs is 10 minutes */
export type GitRunOptions = Pick<
  GitProcess,
  'input' | 'exitCodes' | 'maxBytes' | 'timeoutMs' | 'read' | 'signal'
> & {
  /** Replaces the repository's own index. */
  indexFile?: string;
  /** Replaces the git directory. */
  gitFolder?: string;
  /** Takes text as bytes, not as UTF-8. */
  bytewise?: boolean;
};

const CONFIG: GitConfig = {
  ...CLOSED_CONFIG,
  // A transfer that stalls has failed; git's own servers send a byte every 5 s.
  'http.lowSpeedLimit': '1',
  'http.lowSpeedTime': '120',
  // A patch quotes paths by C rules anyway; this keeps UTF-8 names legible in it.
  'core.quotePath': 'false',
  // git streams larger files in pieces, also in a clone, and never holds them whole in memory.
  'core.bigFileThreshold': '16m',
};

/** Tree files change owner between commands, which changes their ctime but not their content or mtime. */
const LENT_CONFIG: GitConfig = {
  'core.trustctime': 'false',
  'core.checkStat': 'minimal',
};

const TIMEOUT_MS = 10 * 60_000;

/** git on one work tree whose git directory is elsewhere, with a closed environment. */
export class Git {
  readonly #workspace: Workspace;
  readonly #environment: Record<string, string>;
  readonly #networkEnvironment: Record<string, string>;
  readonly #signal: AbortSignal;

  /**
   * `protocol` is the only transport that git may use: `https`, or `http` on loopback. `networkConfig` holds
   * the token; only processes that speak to the server get it. `signal` ends every process.
   */
  constructor(
    workspace: Workspace,
    options: { networkConfig?: GitConfig; protocol: string; signal: AbortSignal },
  ) {
    this.#workspace = workspace;
    this.#signal = options.signal;
    const config = { ...CONFIG, ...(workspace.commandUser && LENT_CONFIG) };
    this.#environment = {
      ...baseEnvironment(workspace.privateFolder, workspace.privateFolder),
      ...closedGitEnvironment(config, options.protocol),
    };
    const networkConfig = { ...config, ...options.networkConfig };
    this.#networkEnvironment = { ...this.#environment, ...configEnvironment(networkConfig) };
  }

  /** Runs outside of any repository, in the workspace's folder, with the token. */
  clone(args: readonly string[], options: TransferOptions): Promise<Buffer> {
    return this.askServer(['clone', ...args], options);
  }

  /** Asks a server by its address, outside of any repository, with the token. */
  askServer(args: readonly string[], options: TransferOptions): Promise<Buffer> {
    return this.#transfer(args, this.#workspace.root, this.#networkEnvironment, options);
  }

  /** Runs on the repository, with the token. */
  fetch(args: readonly string[], options: TransferOptions): Promise<Buffer> {
    const { tree } = this.#workspace;
    return this.#transfer(['fetch', ...args], tree, this.#onTree(this.#networkEnvironment), options);
  }

  /** Asks the repository's server for its references, with the token. */
  listRemote(args: readonly string[], options: TransferOptions): Promise<Buffer> {
    const { root } = this.#workspace;
    return this.#transfer(['ls-remote', ...args], root, this.#onTree(this.#networkEnvironment), options);
  }

  /** Runs on the work tree and returns the standard output. Throws GitBoundExceededError past its bounds. */
  run(
    args: readonly string[],
    { indexFile, gitFolder, bytewise, ...options }: GitRunOptions = {},
  ): Promise<Buffer> {
    const environment = {
      ...this.#onTree(this.#environment),
      ...(gitFolder && { GIT_DIR: gitFolder }),
      ...(bytewise && { LC_ALL: 'C' }),
      ...(indexFile && { GIT_INDEX_FILE: indexFile }),
    };
    return this.#run(args, {
      timeoutMs: TIMEOUT_MS,
      ...options,
      cwd: this.#workspace.tree,
      environment,
      program: BOUNDED_GIT,
    });
  }

  #transfer(
    args: readonly string[],
    cwd: string,
    environment: Record<string, string>,
    options: TransferOptions,
  ): Promise<Buffer> {
    return this.#run(args, { ...options, cwd, environment, program: BOUNDED_TRANSFER });
  }

  #onTree(environment: Record<string, string>): Record<string, string> {
    const { gitFolder, tree } = this.#workspace;
    return { ...environment, GIT_DIR: gitFolder, GIT_WORK_TREE: tree };
  }

  async #run(args: readonly string[], options: GitProcess): Promise<Buffer> {
    const signal = options.signal ? AbortSignal.any([this.#signal, options.signal]) : this.#signal;
    const killsBefore = oomKills();
    try {
      return (await runGit(args, { ...options, signal })).stdout;
    } catch (error) {
      if (!(error instanceof GitFailedError)) throw error;
      const endedBySignal = error.exitCode === null;
      if (endedBySignal) {
        await sleep(GROUP_SIGNAL_MS);
        signal.throwIfAborted();
        // Without the kernel's count, out-of-memory is the likelier cause.
        if (killsBefore !== undefined && oomKills() === killsBefore)
          throw new GitInterruptedError(`A signal from outside ended git ${error.command}.`);
      }
      if (endedBySignal || OUT_OF_MEMORY.test(error.stderr))
        throw new GitBoundExceededError(`git ${error.command} took too much memory`);
      throw error;
    }
  }
}

const OUT_OF_MEMORY = /out of memory|cannot allocate memory|unable to create .*thread/i;
