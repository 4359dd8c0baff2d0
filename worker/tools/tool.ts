import type { z } from 'zod';
import type { JobSettings } from '../../core/job.ts';
import type { Verification } from '../../core/repository-result.ts';
import type { Git } from '../checkout/git.ts';
import type { WorkTree } from '../checkout/work-tree.ts';
import type { Redactor } from '../sandbox/redact.ts';
import type { Workspace } from '../sandbox/workspace.ts';

/** The context that every tool receives. */
export type ToolContext = {
  workspace: Workspace;
  git: Git;
  tree: WorkTree;
  settings: JobSettings;
  /** The checks' results on the untouched base, if they ran. */
  baseline?: readonly Verification[] | undefined;
  /** PROTECTED_FILES of the environment. */
  protectedGlobs: readonly string[];
  /** Redact before truncating: a truncated secret would not be recognized. */
  redactor: Redactor;
  /** Aborts at the repository's time limit, and when the worker has to stop. */
  signal: AbortSignal;
  /** Verifies a submission. Throws ToolError if the model has to correct it. */
  submit(submission: Submission): Promise<string>;
};

export type Submission = {
  summary: string;
  title: string;
  body: string;
  wereChangesNecessary: boolean;
  /** Required parts of the task that were not done. */
  notDone?: string[] | undefined;
};

/** An expected failure, returned to the model as a tool result with `is_error`. Any other error is a bug. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}

/** A tool: its definition for the model, and its implementation. */
export type Tool<Schema extends z.ZodType = z.ZodType> = {
  name: string;
  description: string;
  schema: Schema;
  /** Calls of one turn that only read run in parallel; the others run alone and in order. */
  effect: 'reads' | 'writes' | 'submits';
  /** Whether `run` truncates the result itself. Otherwise it is truncated to 10,000 characters. */
  boundsItself?: boolean;
  run(input: z.infer<Schema>, context: ToolContext): Promise<string>;
};

/** Lets `run` infer its input from `schema`. */
export function defineTool<Schema extends z.ZodType>(tool: Tool<Schema>): Tool {
  return tool as unknown as Tool;
}
