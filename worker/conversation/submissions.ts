import type { JobSettings } from '../../core/job.ts';
import type { Verification } from '../../core/repository-result.ts';
import type { Changes } from '../checkout/changes.ts';
import type { Git } from '../checkout/git.ts';
import type { WorkTree } from '../checkout/work-tree.ts';
import type { Redactor } from '../sandbox/redact.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { type Submission, ToolError } from '../tools/tool.ts';
import type { ConversationState } from './conversation-state.ts';
import type { Conclusion } from './ending.ts';
import { list, verifySubmission } from './verify.ts';

/** Submissions that do not pass before the worker gives up. */
const MAX_ROUNDS = 3;

/** Receives what the model submits, and keeps what came of it. */
export class Submissions {
  /** How a submission ended the conversation, once one did. */
  ending: Conclusion | undefined;
  /** What was submitted last, as it was before the checks ran: what they write into the tree is no part of it. */
  changes: Changes | undefined;
  verification: Verification[] = [];
  #problem: string | undefined;
  readonly #context: SubmissionContext;

  constructor(context: SubmissionContext) {
    this.#context = context;
  }

  readonly submit = async (submission: Submission): Promise<string> => {
    const { tree, state, onVerifying } = this.#context;
    await onVerifying();
    this.changes = await tree.changes();
    const notes = describeChange(this.changes, await tree.leftOut());
    const { problem, verification } = await verifySubmission(submission, this.changes, {
      ...this.#context,
      baseline: state.baseline,
    });
    if (verification.length > 0) tree.touch();
    this.verification = verification;
    this.#problem = problem;
    if (!problem) {
      this.ending = { end: 'submitted', summary: submission.summary, submission };
      return ['Accepted.', ...notes].join('\n');
    }
    state.failedSubmissions += 1;
    if (state.failedSubmissions >= MAX_ROUNDS) {
      const summary = `Gave up after ${MAX_ROUNDS} submissions that did not pass. The last: ${problem}`;
      this.ending = { end: 'gaveUp', summary };
    }
    throw new ToolError([problem, ...notes].join('\n'));
  };

  /** What came of the conversation; a model that left it after a refused submission did so because of that. */
  explain(ending: Conclusion): Conclusion {
    if (ending.end !== 'gaveUp' || ending === this.ending || !this.#problem) return ending;
    return { ...ending, summary: `The last submission did not pass: ${this.#problem}\n\n${ending.summary}` };
  }
}

/** What the change has, and has not, otherwise than the tree. */
function describeChange({ withLf }: Changes, left: readonly string[]): string[] {
  return [
    ...(withLf.length > 0
      ? [`Stored with LF in place of CRLF, as .gitattributes ask of text: ${list(withLf)}.`]
      : []),
    ...(left.length > 0 ? [`In the tree, but not in the change: ${list(left)}.`] : []),
  ];
}

export type SubmissionContext = {
  tree: WorkTree;
  workspace: Workspace;
  git: Git;
  state: ConversationState;
  settings: JobSettings;
  /** What the environment protects (PROTECTED_FILES). */
  protectedGlobs: readonly string[];
  redactor: Redactor;
  signal: AbortSignal;
  onVerifying(): Promise<void>;
};
