import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { simpleGit } from 'simple-git';
import {
  BOUNDED_GIT,
  BOUNDED_TRANSFER,
  CLOSED_CONFIG,
  closedGitEnvironment,
  configEnvironment,
  type GitConfig,
} from '../../core/git-environment.ts';
import { oomKills } from '../sandbox/oom-kills.ts';
import { baseEnvironment, type Workspace } from '../sandbox/workspace.ts';

/** A git process ended with a status that its caller did not expect. `stderr` is git's own account. */
export class GitFailedError extends Error {
  override readonly name = 'GitFailedError';
  readonly stderr: string;

  /** It met the bound of its memory, or the system ended it. */
  readonly ranOutOfMemory: boolean;
  readonly endedBySignal: boolean;

  constructor(command: string, exitCode: number | null, stderr: string) {
    super(`git ${command} ended with ${exitCode ?? 'a signal'}: ${stderr.trim().slice(-1000)}`);
    this.stderr = stderr;
    this.endedBySignal = exitCode === null;
    this.ranOutOfMemory =
      exitCode === null || /out of memory|cannot allocate memory|unable to create .*thread/i.test(stderr);
  }
}

/**
 * A signal ended a git process that was neither ours nor the kernel's for want of memory: as of a host that is taken away.
 * It is not an answer of git's, and another attempt may meet nothing of it.
 */
export class GitInterruptedError extends Error {
  override readonly name = 'GitInterruptedError';
}

/** The signals to a process group arrive together; a busy machine may run git's end, and ours after it, much later. */
const KILLED_TOGETHER_MS = 1000;

/** A git process wrote more than it was allowed, took longer, or needed more memory; it was ended. */
export class GitBoundExceededError extends Error {
  override readonly name = 'GitBoundExceededError';
  /** What it had written until then, which may end anywhere. */
  readonly output: Buffer;

  constructor(message: string, output = Buffer.alloc(0)) {
    super(message);
    this.output = output;
  }
}

export type GitRunOptions = {
  /** What git reads from its standard input. */
  input?: Buffer;
  /** Replaces the repository's own index. */
  indexFile?: string;
  /** Replaces the git directory. */
  gitFolder?: string;
  /** Takes text as bytes, not as UTF-8. */
  bytewise?: boolean;
  /** Exit codes that are an answer. @default [0] */
  exitCodes?: readonly number[];
  /** @default unbounded */
  maxBytes?: number;
  /** @default 10 minutes; `clone` and `fetch` have none but their signal */
  timeoutMs?: number;
  /** Takes the output piece by piece, which is then not returned; false ends git. */
  read?: (chunk: Buffer) => boolean;
  /** Ends git on top of the signal that every process of this Git obeys. */
  signal?: AbortSignal;
};

// Each is set on purpose, to make git safer; simple-git's guards refuse them from whoever has not said so.
const UNSAFE = {
  // The settings below, and the token, reach git through GIT_CONFIG_COUNT: then they are in no file and no process list.
  allowUnsafeConfigEnvCount: true,
  // GIT_CONFIG_GLOBAL=/dev/null, so that no configuration of the user takes part.
  allowUnsafeConfigPaths: true,
  // core.hooksPath=/dev/null, so that no hook runs.
  allowUnsafeHooksPath: true,
  // core.fsmonitor=false, so that no monitor runs.
  allowUnsafeFsMonitor: true,
  // The shell that bounds git's memory.
  allowUnsafeCustomBinary: true,
  // An empty GIT_TEMPLATE_DIR, so that no hook and no configuration of a template is copied.
  allowUnsafeTemplateDir: true,
} as const;

const CONFIG: GitConfig = {
  ...CLOSED_CONFIG,
  // A server that accepts a connection and then says nothing has failed; git's own servers send a byte each 5 s.
  'http.lowSpeedLimit': '1',
  'http.lowSpeedTime': '120',
  // A patch quotes paths by C rules anyway; this keeps UTF-8 names legible in it.
  'core.quotePath': 'false',
  // Larger files pass through git in pieces, at the clone too, and never whole through its memory.
  'core.bigFileThreshold': '16m',
};

/** Where files change hands, which changes their owner and the time of that, but neither content nor mtime. */
const LENT_CONFIG: GitConfig = {
  'core.trustctime': 'false',
  'core.checkStat': 'minimal',
};

/** The most that any git process on the work tree may take: a tree that takes longer is none to work on. */
const TIMEOUT_MS = 10 * 60_000;

/** git on one work tree whose git directory lies elsewhere, with a closed environment. */
export class Git {
  readonly #workspace: Workspace;
  readonly #environment: Record<string, string>;
  readonly #config: GitConfig;
  readonly #networkConfig: GitConfig;
  readonly #signal: AbortSignal;
  /** Shell scripts that take git's arguments. */
  readonly #boundedGit: string;
  readonly #boundedTransfer: string;

  /**
   * `protocol` is the one transport that git may use: `https`, or `http` on loopback. `networkConfig`, which holds the
   * token, is given only to the processes that speak to the server.
   */
  constructor(
    workspace: Workspace,
    options: { networkConfig?: GitConfig; protocol: string; signal: AbortSignal },
  ) {
    this.#workspace = workspace;
    this.#signal = options.signal;
    this.#boundedGit = path.join(workspace.privateFolder, 'bounded-git');
    writeFileSync(this.#boundedGit, BOUNDED_GIT);
    this.#boundedTransfer = path.join(workspace.privateFolder, 'bounded-transfer');
    writeFileSync(this.#boundedTransfer, BOUNDED_TRANSFER);
    this.#config = { ...CONFIG, ...(workspace.commandUser && LENT_CONFIG) };
    this.#networkConfig = { ...this.#config, ...options.networkConfig };
    this.#environment = {
      ...baseEnvironment(workspace.privateFolder, workspace.privateFolder),
      ...closedGitEnvironment(this.#config, options.protocol),
    };
  }

  /** Runs outside of any repository, in the workspace's folder, with the token. */
  clone(args: readonly string[], options: Pick<GitRunOptions, 'signal'>): Promise<Buffer> {
    const environment = { ...this.#environment, ...configEnvironment(this.#networkConfig) };
    return this.#transfer(this.#workspace.root, environment, ['clone', ...args], options);
  }

  /** Asks a server by its address, outside of any repository, with the token. */
  askServer(
    args: readonly string[],
    options: Pick<GitRunOptions, 'signal' | 'read' | 'maxBytes'>,
  ): Promise<Buffer> {
    const environment = { ...this.#environment, ...configEnvironment(this.#networkConfig) };
    return this.#transfer(this.#workspace.root, environment, args, options);
  }

  /** Runs on the repository, with the token. */
  fetch(args: readonly string[], options: Pick<GitRunOptions, 'signal'>): Promise<Buffer> {
    const environment = { ...this.#onTree, ...configEnvironment(this.#networkConfig) };
    return this.#transfer(this.#workspace.tree, environment, ['fetch', ...args], options);
  }

  /** Asks the server for its references, with the token. */
  listRemote(args: readonly string[], options: Pick<GitRunOptions, 'signal'>): Promise<Buffer> {
    const environment = { ...this.#onTree, ...configEnvironment(this.#networkConfig) };
    return this.#transfer(this.#workspace.root, environment, ['ls-remote', ...args], options);
  }

  /** Runs on the work tree and gives the standard output, as bytes. Throws GitBoundExceededError past its bounds. */
  run(args: readonly string[], options: GitRunOptions = {}): Promise<Buffer> {
    const environment = {
      ...this.#onTree,
      ...configEnvironment(this.#config),
      ...(options.gitFolder && { GIT_DIR: options.gitFolder }),
      ...(options.bytewise && { LC_ALL: 'C' }),
      ...(options.indexFile && { GIT_INDEX_FILE: options.indexFile }),
    };
    const bounds = { timeoutMs: TIMEOUT_MS, program: ['/bin/sh', this.#boundedGit] as const };
    return this.#spawn(this.#workspace.tree, environment, args, { ...bounds, ...options });
  }

  #transfer(
    folder: string,
    environment: Record<string, string>,
    args: readonly string[],
    options: GitRunOptions,
  ): Promise<Buffer> {
    return this.#spawn(folder, environment, args, {
      ...options,
      program: ['/bin/sh', this.#boundedTransfer],
    });
  }

  get #onTree(): Record<string, string> {
    const { gitFolder, tree } = this.#workspace;
    return { ...this.#environment, GIT_DIR: gitFolder, GIT_WORK_TREE: tree };
  }

  async #spawn(
    baseDir: string,
    environment: Record<string, string>,
    args: readonly string[],
    options: GitRunOptions & { program: readonly [string, string] },
  ): Promise<Buffer> {
    const { input, exitCodes = [0], maxBytes = Number.POSITIVE_INFINITY, timeoutMs, read } = options;
    const stop = options.signal ? AbortSignal.any([this.#signal, options.signal]) : this.#signal;
    stop.throwIfAborted();
    const command = args.find((arg) => !arg.startsWith('-')) ?? '';
    const bound = new AbortController();
    const killsBefore = oomKills();
    const timer = timeoutMs && setTimeout(() => bound.abort('time'), timeoutMs).unref();
    const chunks: Buffer[] = [];
    let bytes = 0;
    let failure: GitFailedError | undefined;
    const git = simpleGit({
      baseDir,
      abort: AbortSignal.any([stop, bound.signal]),
      allowEnvironment: Object.keys(environment).filter((name) => name.startsWith('GIT_')),
      binary: [...options.program] as [string, string],
      unsafe: UNSAFE,
      // Its default takes a process for closed 50 ms after its exit, whether its output was read or not.
      completion: { onClose: true, onExit: false },
      // Without this a process that was killed, or failed without a word, would count as successful.
      errors: (error, { exitCode, stdErr }) => {
        if (exitCodes.includes(exitCode)) return undefined;
        failure = new GitFailedError(command, exitCode, Buffer.concat(stdErr).toString());
        return error ?? failure;
      },
      input: () => input,
    })
      .env(environment)
      .outputHandler((_command, stdout) => {
        stdout.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBytes || (read && !bound.signal.aborted && !read(chunk))) bound.abort('size');
          else if (!read) chunks.push(chunk);
        });
        // simple-git waits 50 ms after the end of a process that printed nothing; an empty chunk counts as printed.
        queueMicrotask(() => stdout.emit('data', Buffer.alloc(0)));
      });
    try {
      await git.raw([...args]);
    } catch (error) {
      // What ends this worker with all its processes can reach git first. What is left after that met the kernel's limit.
      if (failure?.endedBySignal && !stop.aborted && !bound.signal.aborted) await sleep(KILLED_TOGETHER_MS);
      stop.throwIfAborted();
      if (bound.signal.aborted)
        throw new GitBoundExceededError(`git ${command} exceeded its bound`, Buffer.concat(chunks));
      // Where the kernel's count cannot be read, a signal is taken for the lack of memory, which is the likelier.
      if (failure?.endedBySignal && killsBefore !== undefined && oomKills() === killsBefore)
        throw new GitInterruptedError(`git ${command} was ended by a signal from outside`);
      if (failure?.ranOutOfMemory) throw new GitBoundExceededError(`git ${command} took too much memory`);
      throw failure ?? error;
    } finally {
      clearTimeout(timer);
    }
    return Buffer.concat(chunks);
  }
}
