import type { JobSettings } from '../../core/job.ts';
import type { Verification } from '../../core/repository-result.ts';
import type { Changes } from '../checkout/changes.ts';
import type { Git } from '../checkout/git.ts';
import type { WorkTree } from '../checkout/work-tree.ts';
import { describeJudgement, type Judge } from '../judge/judge.ts';
import type { Progress } from '../progress.ts';
import type { Redactor } from '../sandbox/redact.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { type Submission, ToolError } from '../tools/tool.ts';
import type { Conclusion } from './conclusion.ts';
import type { ConversationState } from './conversation-state.ts';
import { list, verifySubmission } from './verify.ts';

/** Failed submissions before the worker gives up. */
const MAX_FAILED_SUBMISSIONS = 3;

/** Verifies the model's submissions, and keeps the result of the last one. */
export class Submissions {
  /** Set once a submission has ended the conversation. */
  conclusion: Conclusion | undefined;
  /** The last submitted changes, read before the checks run: files that the checks write are not part of them. */
  changes: Changes | undefined;
  verification: Verification[] = [];
  #problem: string | undefined;
  readonly #context: SubmissionContext;

  constructor(context: SubmissionContext) {
    this.#context = context;
  }

  readonly submit = async (submission: Submission): Promise<string> => {
    const { tree, state, progress, judge } = this.#context;
    progress.record('verifying');
    this.changes = await tree.changes();
    const notes = describeChange(this.changes, await tree.leftOut());
    const { problem, verification } = await verifySubmission(submission, this.changes, {
      ...this.#context,
      baseline: state.baseline,
    });
    if (verification.length > 0) tree.touch();
    this.verification = verification;
    const { patch, entries } = this.changes;
    const judgement =
      !problem && judge && patch && entries.length > 0 ? await judge.judge(patch, verification) : undefined;
    if (judgement?.decision === 'reject') {
      const summary = `A reviewer rejected the change.\n\n${describeJudgement(judgement)}`;
      this.conclusion = { end: 'gaveUp', summary };
      return 'The change is rejected, and the work ends here.';
    }
    this.#problem = judgement?.decision === 'revise' ? describeJudgement(judgement) : problem;
    if (!this.#problem) {
      this.conclusion = { end: 'submitted', summary: submission.summary, submission };
      return ['Accepted.', ...notes].join('\n');
    }
    state.failedSubmissions += 1;
    if (state.failedSubmissions >= MAX_FAILED_SUBMISSIONS) {
      const summary = `Gave up after ${MAX_FAILED_SUBMISSIONS} submissions that did not pass. The last: ${this.#problem}`;
      this.conclusion = { end: 'gaveUp', summary };
    }
    throw new ToolError([this.#problem, ...notes].join('\n'));
  };

  /** If the model gave up after a failed submission, adds the failure to the summary. */
  explain(conclusion: Conclusion): Conclusion {
    if (conclusion.end !== 'gaveUp' || conclusion === this.conclusion || !this.#problem) return conclusion;
    return {
      ...conclusion,
      summary: `The last submission did not pass: ${this.#problem}\n\n${conclusion.summary}`,
    };
  }
}

/** The differences between the change and the tree. */
function describeChange({ withLf }: Changes, left: readonly string[]): string[] {
  return [
    ...(withLf.length > 0
      ? [`Stored with LF instead of CRLF, as .gitattributes requires for text files: ${list(withLf)}.`]
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
  /** PROTECTED_FILES of the environment. */
  protectedGlobs: readonly string[];
  redactor: Redactor;
  signal: AbortSignal;
  progress: Progress;
  /** Absent if the job has no judge. */
  judge: Judge | undefined;
};
