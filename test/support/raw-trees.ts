import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { glob } from 'glob';
import { startGitHub } from '../../local/github/server.ts';
import { type Clone, cloneRepository } from '../../worker/checkout/clone.ts';
import { Log } from '../../worker/log.ts';
import { Redactor } from '../../worker/sandbox/redact.ts';
import { createWorkspace, type Workspace } from '../../worker/sandbox/workspace.ts';

/** A file in the object store; `commit` is the identifier of a submodule. */
export type RawFile = { mode: '100644' | '100755' | '120000'; bytes: Buffer } | { commit: string };

/** Keys are raw paths: latin1 strings, because paths need not be UTF-8. */
export type RawTree = ReadonlyMap<string, RawFile>;

export type Cloned = { clone: Clone; workspace: Workspace };

/** A local GitHub with one repository, whose commits have exactly the given bytes, without any conversion. */
export class RawTrees {
  readonly folder: string;
  /** The bare repository. */
  readonly bare: string;
  readonly #github: Awaited<ReturnType<typeof startGitHub>>;

  private constructor(folder: string, bare: string, github: Awaited<ReturnType<typeof startGitHub>>) {
    this.folder = folder;
    this.bare = bare;
    this.#github = github;
  }

  static async start(): Promise<RawTrees> {
    const folder = await mkdtemp(path.join(tmpdir(), 'raw-trees-'));
    const github = await startGitHub({ access: 'anyone', dataFolder: path.join(folder, 'github') });
    const created = await fetch(`${github.apiUrl}/orgs/acme/repos`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'raw' }),
    });
    if (!created.ok) throw new Error(await created.text());
    const [bare] = await glob('github/**/acme/raw.git', { cwd: folder, absolute: true });
    return new RawTrees(folder, bare!, github);
  }

  async close(): Promise<void> {
    await this.#github.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Commits each tree to the branch of its name. */
  commit(trees: Readonly<Record<string, RawTree>>): Promise<void> {
    return importTrees(this.bare, trees);
  }

  /** Clones a branch as the worker does, into a new workspace. */
  async clone(branch: string, baseSha?: string): Promise<Cloned> {
    const workspace = await createWorkspace(path.join(this.folder, 'tmp'), 'job-raw');
    const clone = await cloneRepository(workspace, {
      repositoryName: 'acme/raw',
      githubApiUrl: this.#github.apiUrl,
      token: undefined,
      baseBranch: branch,
      baseSha,
      stop: new AbortController().signal,
      signal: new AbortController().signal,
      retries: { seconds: 1, log: new Log(new Redactor()), onWaiting: () => {} },
    });
    return { clone, workspace };
  }

  /** Runs git in `folder`, or on the bare repository by default, and returns its output. */
  git(
    args: readonly string[],
    { folder, ...options }: { input?: Buffer; index?: string; folder?: string } = {},
  ): Promise<Buffer> {
    return runGit(folder ?? this.folder, folder ? args : ['--git-dir', this.bare, ...args], options);
  }
}

/** Commits each tree to the branch of its name in a bare repository, with one process for all. */
export async function importTrees(bare: string, trees: Readonly<Record<string, RawTree>>): Promise<void> {
  const stream = Object.entries(trees).flatMap(([branch, tree]) => [
    Buffer.from(`commit refs/heads/${branch}\ncommitter Test <test@example.com> 1700000000 +0000\ndata 0\n`),
    ...[...tree].flatMap(([file, raw]) => describe(file, raw)),
    Buffer.from('\n'),
  ]);
  await runGit(bare, ['--git-dir', bare, 'fast-import', '--quiet', '--force'], {
    input: Buffer.concat(stream),
  });
}

async function runGit(
  cwd: string,
  args: readonly string[],
  { input, index }: { input?: Buffer; index?: string } = {},
): Promise<Buffer> {
  const running = promisify(execFile)('git', args, {
    encoding: 'buffer',
    maxBuffer: 1024 ** 3,
    cwd,
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      ...(index && { GIT_INDEX_FILE: index }),
    },
  });
  // git may exit without reading its input.
  running.child.stdin!.on('error', () => {}).end(input ?? '');
  return (await running).stdout;
}

export function text(content: string | Buffer, mode: '100644' | '100755' = '100644'): RawFile {
  return { mode, bytes: Buffer.from(content) };
}

function describe(file: string, raw: RawFile): Buffer[] {
  // Quoted by C's rules, each byte as an escape.
  const quoted = [...Buffer.from(file, 'latin1')]
    .map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
    .join('');
  if ('commit' in raw) return [Buffer.from(`M 160000 ${raw.commit} "${quoted}"\n`)];
  return [
    Buffer.from(`M ${raw.mode} inline "${quoted}"\ndata ${raw.bytes.length}\n`),
    raw.bytes,
    Buffer.from('\n'),
  ];
}
