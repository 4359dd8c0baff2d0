import type { z } from 'zod';
import type { JobSettings } from '../../core/job.ts';
import type { Verification } from '../../core/repository-result.ts';
import type { Git } from '../checkout/git.ts';
import type { WorkTree } from '../checkout/work-tree.ts';
import type { Redactor } from '../sandbox/redact.ts';
import type { Workspace } from '../sandbox/workspace.ts';

/** What a tool may work with. */
export type ToolContext = {
  workspace: Workspace;
  git: Git;
  tree: WorkTree;
  settings: JobSettings;
  /** What the checks came to on the untouched base, where they were run there. */
  baseline?: readonly Verification[] | undefined;
  /** What the environment protects (PROTECTED_FILES). */
  protectedGlobs: readonly string[];
  /** For what is cut before it is shown: a secret that was cut through is not known any more. */
  redactor: Redactor;
  /** Ends at the repository's time limit, and when the worker is told to stop. */
  signal: AbortSignal;
  /** Judges what the model submits; throws ToolError where it goes back to the model. */
  submit(submission: Submission): Promise<string>;
};

export type Submission = {
  summary: string;
  title: string;
  body: string;
  wereChangesNecessary: boolean;
  /** What the task called for and was not done. */
  notDone?: string[] | undefined;
};

/** An expected failure: it goes back to the model, as a tool result with `is_error`. Anything else is a bug. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}

/** A tool: what the model is told of it, and what it does. */
export type Tool<Schema extends z.ZodType = z.ZodType> = {
  name: string;
  description: string;
  schema: Schema;
  /**
   * Calls of one turn that only read run side by side; what writes to the tree, and what submits it, runs alone, in its
   * place.
   */
  effect: 'reads' | 'writes' | 'submits';
  /** The most characters of its result, where it is not the usual 10,000. */
  boundsItself?: boolean;
  run(input: z.infer<Schema>, context: ToolContext): Promise<string>;
};

/** Lets `run` infer its input from `schema`. */
export function defineTool<Schema extends z.ZodType>(tool: Tool<Schema>): Tool {
  return tool as unknown as Tool;
}
