import { z } from 'zod';
import { Judgement } from './judgement.ts';
import { TokenUsage } from './usage.ts';

const TextBlock = z.looseObject({ type: z.literal('text'), text: z.string() });
const ToolUseBlock = z.looseObject({
  type: z.literal('tool_use'),
  id: z.string(),
  name: z.string(),
  input: z.unknown(),
});
const ToolResultBlock = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string(),
  content: z.union([z.string(), z.array(z.unknown())]).optional(),
  is_error: z.boolean().optional(),
});
const OtherBlock = z.looseObject({ type: z.string() });

/** A message of the Messages API. Unknown blocks are kept unchanged. */
export const ThreadMessage = z.object({
  role: z.enum(['user', 'assistant']),
  content: z.union([z.string(), z.array(z.union([TextBlock, ToolUseBlock, ToolResultBlock, OtherBlock]))]),
});
export type ThreadMessage = z.infer<typeof ThreadMessage>;

/** One answer of the model. */
export const ThreadTurn = z.object({
  /** The answer's index in `messages`. */
  message: z.int(),
  startedAt: z.string(),
  seconds: z.number(),
  stopReason: z.string().nullable(),
  /** The API's reason for refusing an answer, if it gives one. */
  stopExplanation: z.string().optional(),
  tokenUsage: TokenUsage,
  costUsd: z.number().optional(),
});
export type ThreadTurn = z.infer<typeof ThreadTurn>;

/** `thread.json`: the whole conversation, with secrets redacted. */
export const Thread = z.object({
  jobId: z.string(),
  repositoryName: z.string(),
  model: z.string(),
  system: z.string(),
  tools: z.array(z.string()),
  messages: z.array(ThreadMessage),
  turns: z.array(ThreadTurn),
  /** The judge's answers, one a judged submission. Absent if nothing was judged. */
  judgements: z.array(Judgement).optional(),
});
export type Thread = z.infer<typeof Thread>;
