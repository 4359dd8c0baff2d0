import type { GitResult } from '../../../core/git-process.ts';
import type { GitOptions } from '../git.ts';

/** A bare repository on disk, as git sees it. */
export type BareRepository = {
  readonly gitFolder: string;
  git(args: readonly string[], options?: GitOptions): Promise<GitResult>;
};
