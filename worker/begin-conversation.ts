import type { TextBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { GitFailedError } from '../core/git-process.ts';
import type { Admitted } from './admit.ts';
import { earlierChange, wayToBegin } from './begin-revision.ts';
import { applyPatch, readChanges, resetTree } from './checkout/changes.ts';
import type { Clone } from './checkout/clone.ts';
import { firstMessage } from './claude/prompt.ts';
import type { Cloned } from './clone-into.ts';
import { type Baseline, runBaseline } from './conversation/baseline.ts';
import { Conversation } from './conversation/conversation.ts';
import { type ConversationState, newConversation } from './conversation/conversation-state.ts';
import { instructionMessage, text, withBlocks } from './conversation/messages.ts';
import { describeFindings } from './describe-findings.ts';
import type { Log } from './log.ts';

/**
 * Resumes the conversation from the checkpoint, continues that of an earlier run by an instruction, or starts it after
 * running the checks on the untouched tree.
 */
export async function beginConversation(
  cloned: Cloned,
  admitted: Pick<Admitted, 'prompt' | 'instruction' | 'findings' | 'begin'>,
): Promise<Conversation> {
  const { prompt, instruction, findings } = admitted;
  // The judge sees the task, and nothing of what checks and reviewers say.
  const task = instruction === undefined ? prompt : `${prompt}\n\n${instruction}`;
  const said = findings ? [text(describeFindings(findings, cloned.redactor))] : [];
  const resumed = await restoreCheckpoint(cloned);
  if (resumed) return new Conversation(cloned, resumed, task);
  if (instruction !== undefined) {
    const continued = await continueEarlier(cloned, { ...admitted, instruction, task, said });
    if (continued) {
      const conversation = new Conversation(cloned, continued, task);
      await conversation.save(await readChanges(cloned.clone, cloned.workspace));
      return conversation;
    }
  }
  const baseline = await checkBase(cloned);
  const state: ConversationState = {
    ...newConversation(withBlocks(firstMessage(task, cloned.repositoryName, baseline?.results), said)),
    ...cloned.spent,
    ...(baseline && { baseline: baseline.results }),
    ...(instruction !== undefined && { began: 'anew' as const }),
  };
  const conversation = new Conversation(cloned, state, task);
  // Saved at once, so that another attempt does not repeat the checks.
  if (baseline) await conversation.save(baseline.changes);
  return conversation;
}

type Revision = Pick<Admitted, 'begin'> & {
  instruction: string;
  task: string;
  said: readonly TextBlockParam[];
};

/**
 * On the earlier run's patch: its messages as they were sent, then the instruction; or a new conversation that has the patch.
 * Returns undefined if the work has to begin anew.
 */
async function continueEarlier(
  { earlier, spent, job, clone, repositoryName, log }: Cloned,
  { instruction, task, said, begin }: Revision,
): Promise<ConversationState | undefined> {
  const began = earlier && wayToBegin(earlier, begin);
  if (!earlier || !began) return undefined;
  const { messages, baseline, baseSha, patch } = earlier;
  if (baseSha !== clone.baseSha) {
    log.warn(`GitHub no longer has the commit ${baseSha}; the work begins anew on ${clone.baseSha}.`);
    return undefined;
  }
  if (job.settings.setup.length > 0) await resetTree(clone.git);
  if (!(await applies(clone, patch, log))) return undefined;
  if (began === 'fromPatch' || !messages) {
    const first = firstMessage(task, repositoryName, baseline);
    const state = newConversation(withBlocks(first, [earlierChange(patch), ...said]));
    return { ...state, ...spent, ...(baseline && { baseline }), began: 'fromPatch' };
  }
  const { seconds, failedSubmissions, turns } = newConversation(messages[0]!);
  return {
    ...spent,
    messages: [...messages, withBlocks(instructionMessage(messages, instruction), said)],
    instruction: messages.length,
    ...{ turns, failedSubmissions, seconds, baseline, began: 'resumed' },
  };
}

async function applies({ git }: Clone, patch: Buffer, log: Log): Promise<boolean> {
  try {
    await applyPatch(git, patch);
    return true;
  } catch (error) {
    if (!(error instanceof GitFailedError)) throw error;
    // git applies all of a patch or nothing.
    log.warn(`The earlier patch does not apply; the work begins anew. ${error.message}`);
    return false;
  }
}

/** Applies the checkpoint's patch to the tree. Returns undefined if the work has to start over. */
async function restoreCheckpoint(cloned: Cloned): Promise<ConversationState | undefined> {
  const { job, clone, resumed, log } = cloned;
  if (!resumed) return undefined;
  if (resumed.baseSha !== clone.baseSha) {
    // A force push may have removed the commit.
    log.warn(
      `GitHub no longer has the checkpoint's commit ${resumed.baseSha}. The work starts over on ${clone.baseSha}; the earlier usage still counts.`,
    );
    return undefined;
  }
  if (job.settings.setup.length > 0) await resetTree(clone.git);
  if (!(await applies(clone, resumed.patch, log))) return undefined;
  log.info('resumed from the checkpoint', { turns: resumed.state.turns.length });
  return resumed.state;
}

async function checkBase(cloned: Cloned): Promise<Baseline | undefined> {
  const { job, clone, workspace, progress, log, redactor, signal } = cloned;
  const { verify, verifyBaseline = true } = job.settings;
  if (verify.length === 0 || !verifyBaseline) return undefined;
  progress.record('verifying');
  const baseline = await runBaseline(job.settings, { clone, workspace, redactor, signal });
  if (!baseline)
    log.warn('verify was not run on the untouched base: setup left more in the tree than a change can hold');
  for (const { command, exitCode, seconds } of baseline?.results ?? [])
    log.info('verify on the untouched base', { command, exitCode, seconds });
  return baseline;
}
