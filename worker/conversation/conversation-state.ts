import type { MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { z } from 'zod';
import { Judgement } from '../../core/judgement.ts';
import { Began, Verification } from '../../core/repository-result.ts';
import { ThreadTurn } from '../../core/thread.ts';
import { NO_TOKENS, WorkerCost, WorkerCount, WorkerTokens } from '../../core/usage.ts';

/** The whole state of a conversation. Another process can resume from it. */
export const ConversationState = z.object({
  /** In the form of the Messages API; append-only. */
  messages: z.array(z.custom<MessageParam>((value) => typeof value === 'object' && value !== null)),
  turns: z.array(ThreadTurn),
  /** The index of the message with a revision's instruction. The turns and limits are those behind it. */
  instruction: WorkerCount.optional(),
  /** Only in a revision. */
  began: Began.optional(),
  /** Includes interrupted answers. */
  tokenUsage: WorkerTokens,
  /** Absent once an answer came from a model without a known price. */
  costUsd: WorkerCost.optional(),
  /** The model named in the last answer. */
  model: z.string().optional(),
  /** The checks' results on the untouched base; absent if they did not run. */
  baseline: z.array(Verification).optional(),
  /** The judge's answers, and their part of the usage. Absent before the first. */
  judgements: z
    .object({
      /** `submission` is the SHA-256 of the judged patch. */
      rounds: z.array(Judgement.extend({ submission: z.string() })),
      model: z.string().optional(),
      tokenUsage: WorkerTokens,
      costUsd: WorkerCost.optional(),
    })
    .optional(),
  failedSubmissions: WorkerCount,
  /** Seconds of work, including earlier attempts but not the pauses between them. */
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
