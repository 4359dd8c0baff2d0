import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitResult } from '../../../core/git-process.ts';
import { type GitOptions, runBareGit } from '../git.ts';
import { writeJsonFile } from '../json-file.ts';
import { hasRefBelow, readRefFile } from '../objects/ref-files.ts';
import { PullRequests } from '../pulls/pull-requests.ts';
import { Serial } from '../serial.ts';
import { CheckStore } from './check-store.ts';
import type { RepositoryRecord } from './repository-record.ts';

type Settable = Omit<RepositoryRecord, 'id' | 'owner' | 'name' | 'fileName' | 'createdAt' | 'updatedAt'>;

/**
 * shallowUpdate accepts pushes from a `--depth 1` clone; the others allow what github.com allows in a
 * fetch.
 */
const CONFIG = `[core]
\trepositoryformatversion = 0
\tbare = true
[receive]
\tshallowUpdate = true
\thideRefs = refs/pull
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
`;

const INITIAL_BRANCH = 'main';

/** A bare repository `{folder}/{file name}.git`, with its `.json`, `.pulls` and `.checks` beside it. */
export class Repository {
  readonly pulls: PullRequests;
  readonly checks: CheckStore;
  readonly #folder: string;
  readonly #writes = new Serial();
  #record: RepositoryRecord;

  constructor(ownerFolder: string, record: RepositoryRecord) {
    this.#folder = ownerFolder;
    this.#record = record;
    this.pulls = new PullRequests(this, this.#path('.pulls'));
    this.checks = new CheckStore(this.#path('.checks'));
  }

  get record(): RepositoryRecord {
    return this.#record;
  }

  get fullName(): string {
    return `${this.record.owner}/${this.record.name}`;
  }

  get gitFolder(): string {
    return this.#path('.git');
  }

  git(args: readonly string[], options?: GitOptions): Promise<GitResult> {
    return runBareGit(this.gitFolder, args, options);
  }

  /** Writes the record last: a folder without a record was left by a killed process and is removed. */
  async create(): Promise<void> {
    await this.#removeFolders();
    // The files of `git init --bare` (gitrepository-layout(5)). Written here, because a process of git costs more.
    for (const folder of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags'])
      await mkdir(join(this.gitFolder, folder), { recursive: true });
    await writeFile(join(this.gitFolder, 'HEAD'), `ref: refs/heads/${INITIAL_BRANCH}\n`);
    await writeFile(join(this.gitFolder, 'config'), CONFIG);
    await this.#writeRecord();
  }

  async update(change: Partial<Settable>): Promise<void> {
    this.#record = { ...this.#record, ...change, updatedAt: new Date().toISOString() };
    await this.#writeRecord();
  }

  /** For the store only, which finds repositories by name. */
  async rename(name: string, formerNames: string[]): Promise<void> {
    const fileName = this.#record.fileName ?? this.#record.name;
    this.#record = { ...this.#record, name, fileName };
    await this.update({ formerNames });
  }

  /** Removes the record first, so that a killed process leaves no record without its folders. */
  async remove(): Promise<void> {
    await rm(this.#path('.json'), { force: true });
    await this.#removeFolders();
  }

  /** Read from git's HEAD: a copy in the record could differ from it after a crash. */
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

  /** As on GitHub, a repository without a branch is empty, even if it has objects. */
  async isEmpty(): Promise<boolean> {
    const usual = `refs/heads/${await this.defaultBranch()}`;
    if (await readRefFile(this.gitFolder, usual)) return false;
    return !(await hasRefBelow(this.gitFolder, 'refs/heads'));
  }

  /**
   * Must be called after refs changed. As on github.com, the first branch of an empty repository becomes
   * the default.
   */
  async pushed(): Promise<void> {
    this.pulls.refsChanged();
    if (!(await readRefFile(this.gitFolder, `refs/heads/${await this.defaultBranch()}`))) {
      const names = (await this.branches()).map((branch) => branch.name);
      const first = ['main', 'master'].find((name) => names.includes(name)) ?? names[0];
      if (first) await this.setDefaultBranch(first);
    }
    await this.update({ pushedAt: new Date().toISOString() });
  }

  #path(suffix: '.git' | '.json' | '.pulls' | '.checks'): string {
    return join(this.#folder, `${this.#record.fileName ?? this.#record.name}${suffix}`);
  }

  /** Writes one after the other, so that the newest record is the last one written. */
  #writeRecord(): Promise<void> {
    return this.#writes.run(() => writeJsonFile(this.#path('.json'), this.#record));
  }

  async #removeFolders(): Promise<void> {
    await rm(this.#path('.git'), { recursive: true, force: true });
    await rm(this.#path('.pulls'), { recursive: true, force: true });
    await rm(this.#path('.checks'), { recursive: true, force: true });
  }
}
