import { z } from 'zod';
import { CommitSha } from '../core/change-set.ts';
import { OutcomeDocument } from '../core/outcome.ts';
import type { ArtifactStore } from '../core/store/artifact-store.ts';
import { findArtifact, findBytes } from '../core/store/artifacts.ts';
import { runArtifactKeys } from '../core/store/run-artifact-keys.ts';
import { ConversationState } from './conversation/conversation-state.ts';
import type { Log } from './log.ts';

/** The messages as they were sent: a parsed copy could have its keys in another order. */
const EarlierThread = z.object({ messages: ConversationState.shape.messages.min(1) });
const EarlierOutcome = OutcomeDocument.pick({ end: true, completedAt: true }).extend({ baseSha: CommitSha });
const Baseline = ConversationState.pick({ baseline: true });

/** The conversation and the patch of an earlier run, which a revision continues. */
export type EarlierWork = Pick<ConversationState, 'baseline'> & {
  /** Undefined if the conversation cannot be continued. */
  messages: ConversationState['messages'] | undefined;
  baseSha: string;
  patch: Buffer;
  endedAt: string;
};

/** After these ends the same conversation would end in the same way. */
const NOT_CONTINUED = ['refused', 'contextExceeded'];

/** Returns undefined if a part of it is missing or damaged, or the conversation cannot be continued. */
export async function findEarlierWork(
  artifacts: ArtifactStore,
  { jobId, repositoryName, from }: { jobId: string; repositoryName: string; from: number },
  log: Log,
): Promise<EarlierWork | undefined> {
  const keys = runArtifactKeys({ jobId, repositoryName, run: from });
  const setAside = (why: string) => log.warn(why);
  const [outcome, thread, saved, patch] = await Promise.all([
    findArtifact(artifacts, keys.outcome, EarlierOutcome, setAside),
    findArtifact(artifacts, keys.thread, EarlierThread, setAside),
    findArtifact(artifacts, `${keys.checkpoint}conversation.json`, Baseline, setAside),
    findBytes(artifacts, keys.diff, setAside),
  ]);
  const canContinue = thread && !NOT_CONTINUED.includes(outcome?.end ?? '');
  if (!outcome || !(canContinue || patch)) {
    log.warn(
      `The conversation of run ${from} cannot be continued; the work begins anew with the instruction.`,
    );
    return undefined;
  }
  return {
    ...{ messages: canContinue ? thread.messages : undefined, baseline: saved?.baseline },
    ...{ patch: patch ?? Buffer.alloc(0), baseSha: outcome.baseSha, endedAt: outcome.completedAt },
  };
}
