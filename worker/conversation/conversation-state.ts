import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { z } from 'zod';
import { Verification } from '../../core/repository-result.ts';
import { ThreadTurn } from '../../core/thread.ts';
import { NO_TOKENS, WorkerCost, WorkerCount, WorkerTokens } from '../../core/usage.ts';

/** Everything that a conversation has come to: enough to go on with it in another process. */
export const ConversationState = z.object({
  /** As the Messages API takes them; only ever appended to. */
  messages: z.array(z.custom<MessageParam>((value) => typeof value === 'object' && value !== null)),
  turns: z.array(ThreadTurn),
  /** Answers that broke off included. */
  tokenUsage: WorkerTokens,
  /** Absent once an answer came from a model without a known price. */
  costUsd: WorkerCost.optional(),
  /** The model that answered, as it named itself. */
  model: z.string().optional(),
  /** What the checks came to on the untouched base; absent where they were not run there. */
  baseline: z.array(Verification).optional(),
  /** How often a submission was sent back. */
  failedSubmissions: WorkerCount,
  /** Seconds of work, of earlier processes too; pauses between them are not counted. */
  seconds: z.number().nonnegative(),
});
export type ConversationState = z.infer<typeof ConversationState>;

export function newConversation(firstMessage: MessageParam): ConversationState {
  return {
    messages: [firstMessage],
    turns: [],
    tokenUsage: NO_TOKENS,
    costUsd: 0,
    failedSubmissions: 0,
    seconds: 0,
  };
}
