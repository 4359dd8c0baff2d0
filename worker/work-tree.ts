import { type Changes, readChanges } from './changes.ts';
import type { Git } from './git.ts';
import type { Workspace } from './workspace.ts';

/** The clone's work tree, compared with its base commit again only after something may have written to it. */
export class WorkTree {
  readonly #git: Git;
  readonly #workspace: Workspace;
  readonly #baseSha: string;
  #changes: Promise<Changes> | undefined;
  #touched = false;

  constructor(git: Git, workspace: Workspace, baseSha: string) {
    this.#git = git;
    this.#workspace = workspace;
    this.#baseSha = baseSha;
  }

  /** Says that the tree may not be any more as it was read. */
  touch(): void {
    this.#changes = undefined;
    this.#touched = true;
  }

  changes(): Promise<Changes> {
    this.#changes ??= readChanges(this.#git, this.#workspace, this.#baseSha);
    return this.#changes;
  }

  /** The patch, where the tree was touched since this was asked before. */
  async patchToSave(): Promise<Buffer | undefined> {
    if (!this.#touched) return undefined;
    const { patch } = await this.changes();
    this.#touched = false;
    return patch;
  }
}
