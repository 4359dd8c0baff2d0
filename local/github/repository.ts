import { appendFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type GitOptions, type GitResult, runGit } from './git.ts';
import { writeJsonFile } from './json-file.ts';
import { PullRequests } from './pull-requests.ts';

export const repositoryRecord = z.object({
  id: z.number().int(),
  owner: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  private: z.boolean(),
  createdAt: z.string(),
  updatedAt: z.string(),
  pushedAt: z.string().nullable(),
});

export type RepositoryRecord = z.infer<typeof repositoryRecord>;

/** shallowUpdate lets a `--depth 1` clone be pushed; the others are what github.com allows a fetch to ask for. */
const CONFIG = `[receive]
\tshallowUpdate = true
\thideRefs = refs/pull
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
`;

const INITIAL_BRANCH = 'main';

/** A bare repository at `{folder}/{name}.git` with its record at `{name}.json` and pull requests in `{name}.pulls/`. */
export class Repository {
  readonly pulls: PullRequests;
  readonly #folder: string;
  #record: RepositoryRecord;

  constructor(ownerFolder: string, record: RepositoryRecord) {
    this.#folder = ownerFolder;
    this.#record = record;
    this.pulls = new PullRequests(this, this.#path('.pulls'));
  }

  get record(): RepositoryRecord {
    return this.#record;
  }

  get fullName(): string {
    return `${this.record.owner}/${this.record.name}`;
  }

  git(args: readonly string[], options?: GitOptions): Promise<GitResult> {
    return runGit(this.#path('.git'), args, options);
  }

  /** Makes the bare repository, then the record: a folder without a record is what a killed process left. */
  async create(): Promise<void> {
    await this.#removeFolders();
    await mkdir(this.#folder, { recursive: true });
    await this.git(['init', '--bare', '--quiet', '--template=', `--initial-branch=${INITIAL_BRANCH}`]);
    await appendFile(join(this.#path('.git'), 'config'), CONFIG);
    await writeJsonFile(this.#path('.json'), this.#record);
  }

  async update(
    change: Partial<Pick<RepositoryRecord, 'description' | 'private' | 'pushedAt'>>,
  ): Promise<void> {
    this.#record = { ...this.#record, ...change, updatedAt: new Date().toISOString() };
    await writeJsonFile(this.#path('.json'), this.#record);
  }

  /** The record goes first, for the same reason that it comes last. */
  async remove(): Promise<void> {
    await rm(this.#path('.json'), { force: true });
    await this.#removeFolders();
  }

  /** HEAD is where git keeps it; a copy of ours could disagree after a crash. */
  async defaultBranch(): Promise<string> {
    const head = await readFile(join(this.#path('.git'), 'HEAD'), 'utf8');
    return head.trim().replace(/^ref: refs\/heads\//, '');
  }

  async setDefaultBranch(branch: string): Promise<void> {
    await this.git(['symbolic-ref', 'HEAD', `refs/heads/${branch}`]);
  }

  async branches(): Promise<{ name: string; sha: string }[]> {
    const { stdout } = await this.git(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads']);
    return stdout
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((line) => ({ sha: line.slice(0, 40), name: line.slice(41).replace('refs/heads/', '') }));
  }

  /** After refs changed. As on github.com, the first branch of an empty repository becomes its default branch. */
  async pushed(): Promise<void> {
    const branches = await this.branches();
    const names = branches.map((branch) => branch.name);
    const first = ['main', 'master'].find((name) => names.includes(name)) ?? names[0];
    if (first && !names.includes(await this.defaultBranch())) await this.setDefaultBranch(first);
    await this.update({ pushedAt: new Date().toISOString() });
  }

  #path(suffix: '.git' | '.json' | '.pulls'): string {
    return join(this.#folder, `${this.#record.name}${suffix}`);
  }

  async #removeFolders(): Promise<void> {
    await rm(this.#path('.git'), { recursive: true, force: true });
    await rm(this.#path('.pulls'), { recursive: true, force: true });
  }
}
