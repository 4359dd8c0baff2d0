import { GitFailedError } from '../core/git-process.ts';
import { applyPatch, resetTree } from './checkout/changes.ts';
import { firstMessage } from './claude/prompt.ts';
import type { Cloned } from './clone-into.ts';
import { type Baseline, runBaseline } from './conversation/baseline.ts';
import { Conversation } from './conversation/conversation.ts';
import { type ConversationState, newConversation } from './conversation/conversation-state.ts';

/** Resumes the conversation from the checkpoint, or starts it after running the checks on the untouched tree. */
export async function beginConversation(cloned: Cloned, prompt: string): Promise<Conversation> {
  const resumed = await restoreCheckpoint(cloned);
  if (resumed) return new Conversation(cloned, resumed, prompt);
  const baseline = await checkBase(cloned);
  const state = {
    ...newConversation(firstMessage(prompt, cloned.repositoryName, baseline?.results)),
    ...cloned.spent,
    ...(baseline && { baseline: baseline.results }),
  };
  const conversation = new Conversation(cloned, state, prompt);
  // Saved at once, so that another attempt does not repeat the checks.
  if (baseline) await conversation.save(baseline.changes);
  return conversation;
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
  try {
    await applyPatch(clone.git, resumed.patch);
  } catch (error) {
    if (!(error instanceof GitFailedError)) throw error;
    // git applies all of a patch or nothing.
    log.warn(`The checkpoint's patch does not apply; the work starts over. ${error.message}`);
    return undefined;
  }
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
