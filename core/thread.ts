import { z } from 'zod';
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

/** A message as the Messages API has it; blocks that the views do not know are kept as they are. */
export const ThreadMessage = z.object({
  role: z.enum(['user', 'assistant']),
  content: z.union([z.string(), z.array(z.union([TextBlock, ToolUseBlock, ToolResultBlock, OtherBlock]))]),
});
export type ThreadMessage = z.infer<typeof ThreadMessage>;

/** What one answer of the model took. */
export const ThreadTurn = z.object({
  /** Index in `messages` of the answer. */
  message: z.int(),
  startedAt: z.string(),
  seconds: z.number(),
  stopReason: z.string().nullable(),
  /** Why the API stopped an answer that it refused, where it says so. */
  stopExplanation: z.string().optional(),
  tokenUsage: TokenUsage,
  costUsd: z.number().optional(),
});
export type ThreadTurn = z.infer<typeof ThreadTurn>;

/** `thread.json`: the whole conversation, secrets redacted. */
export const Thread = z.object({
  jobId: z.string(),
  repositoryName: z.string(),
  model: z.string(),
  system: z.string(),
  tools: z.array(z.string()),
  messages: z.array(ThreadMessage),
  turns: z.array(ThreadTurn),
});
export type Thread = z.infer<typeof Thread>;
