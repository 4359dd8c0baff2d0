import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { glob } from 'glob';
import { startGitHub } from '../../local/github/server.ts';
import { type Clone, cloneRepository } from '../../worker/checkout/clone.ts';
import { Log } from '../../worker/log.ts';
import { Redactor } from '../../worker/sandbox/redact.ts';
import { createWorkspace, type Workspace } from '../../worker/sandbox/workspace.ts';
import { importTrees, type RawTree, runGit } from './import-trees.ts';

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
