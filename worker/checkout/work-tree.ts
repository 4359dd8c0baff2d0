import type { Workspace } from '../sandbox/workspace.ts';
import { type Attributes, attributesOf } from './attributes.ts';
import { type Changes, readChanges } from './changes.ts';
import type { Clone } from './clone.ts';
import { leftOut } from './left-out.ts';
import { readObjects } from './objects.ts';
import { legible } from './raw-path.ts';

/** The clone's work tree. Caches its changes until `touch` is called. */
export class WorkTree {
  readonly #clone: Clone;
  readonly #workspace: Workspace;
  #changes: Promise<Changes> | undefined;
  #touched = false;
  #baseHasConversions: Promise<boolean> | undefined;
  #tracked: Promise<ReadonlySet<string>> | undefined;

  constructor(clone: Clone, workspace: Workspace) {
    this.#clone = clone;
    this.#workspace = workspace;
  }

  /** Raw paths of the base commit's files that are too large to be opened. */
  get largeFiles(): ReadonlySet<string> {
    return this.#clone.largeFiles;
  }

  /** Raw paths of the base commit's submodules. */
  get submodules(): ReadonlySet<string> {
    return this.#clone.submodules;
  }

  /** Takes and returns raw paths. */
  attributes(paths: readonly string[]): Promise<Map<string, Attributes>> {
    return attributesOf(this.#clone, this.#workspace, paths);
  }

  /** Whether the base commit has a file at the path that holds a CR. */
  async baseHasCr(raw: string): Promise<boolean> {
    const { git } = this.#clone;
    const listed = await git.run(['--literal-pathspecs', 'ls-files', '--stage', '-z', '--', legible(raw)]);
    const [, objectId] = listed.toString('latin1').split(' ');
    return objectId !== undefined && (await readObjects(git, [objectId])).get(objectId)!.includes('\r');
  }

  /** Raw paths of the base commit's files and submodules. */
  tracked(): Promise<ReadonlySet<string>> {
    this.#tracked ??= this.#clone.git
      .run(['ls-files', '-z'])
      .then((listing) => new Set(listing.toString('latin1').split('\0').slice(0, -1)));
    return this.#tracked;
  }

  /** Whether the base commit's .gitattributes name a filter or an encoding for any path. */
  baseHasConversions(): Promise<boolean> {
    if (!this.#clone.hasAttributes) return Promise.resolve(false);
    const words = ['--extended-regexp', '-e', 'filter|encoding'];
    const files = ['--', ':(glob)**/.gitattributes'];
    this.#baseHasConversions ??= this.#clone.git
      .run(['grep', '--cached', '--text', '--files-with-matches', ...words, ...files], { exitCodes: [0, 1] })
      .then((found) => found.length > 0);
    return this.#baseHasConversions;
  }

  /** Marks the tree as possibly changed. */
  touch(): void {
    this.#changes = undefined;
    this.#touched = true;
  }

  /** Describes what is in the tree but can never be in a change. */
  async leftOut(): Promise<string[]> {
    return leftOut(this.#clone, this.#workspace, await this.changes());
  }

  changes(): Promise<Changes> {
    this.#changes ??= readChanges(this.#clone, this.#workspace);
    return this.#changes;
  }

  /** Returns undefined if the tree was not touched since the last call. */
  async changesToSave(): Promise<Changes | undefined> {
    if (!this.#touched) return undefined;
    const changes = await this.changes();
    this.#touched = false;
    return changes;
  }
}
