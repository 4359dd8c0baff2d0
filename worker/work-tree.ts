import { type Changes, readChanges } from './changes.ts';
import type { Clone } from './clone.ts';
import type { Workspace } from './workspace.ts';

/** The clone's work tree, compared with its base commit again only after something may have written to it. */
export class WorkTree {
  readonly #clone: Clone;
  readonly #workspace: Workspace;
  #changes: Promise<Changes> | undefined;
  #touched = false;

  constructor(clone: Clone, workspace: Workspace) {
    this.#clone = clone;
    this.#workspace = workspace;
  }

  /** Paths of the base commit that are too large to be opened; latin1, which keeps every byte. */
  get largeFiles(): ReadonlySet<string> {
    return this.#clone.largeFiles;
  }

  /** Says that the tree may not be any more as it was read. */
  touch(): void {
    this.#changes = undefined;
    this.#touched = true;
  }

  changes(): Promise<Changes> {
    this.#changes ??= readChanges(this.#clone, this.#workspace);
    return this.#changes;
  }

  /** The change, where the tree was touched since this was asked before. */
  async changesToSave(): Promise<Changes | undefined> {
    if (!this.#touched) return undefined;
    const changes = await this.changes();
    this.#touched = false;
    return changes;
  }
}
