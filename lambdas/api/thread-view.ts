import { z } from 'zod';
import { Thread, type ThreadMessage, ThreadTurn } from '../../core/thread.ts';

const ToolCall = z.object({
  tool: z.string(),
  /** The call in one line. */
  line: z.string(),
  /** Only for the tools that were asked for, as `result`. */
  input: z.unknown().optional(),
  result: z.unknown().optional(),
  failed: z.boolean(),
});
type ToolCall = z.infer<typeof ToolCall>;

const ThreadViewEntry = z.object({
  role: z.enum(['user', 'assistant']),
  text: z.string(),
  toolCalls: z.array(ToolCall).optional(),
  /** Duration, tokens and cost of this answer. Only messages of the model have it. */
  turn: ThreadTurn.pick({ seconds: true, tokenUsage: true, costUsd: true }).optional(),
});
type ThreadViewEntry = z.infer<typeof ThreadViewEntry>;

const ReadableView = Thread.pick({ jobId: true, repositoryName: true, model: true }).extend({
  view: z.enum(['standard', 'simplified']),
  messages: z.array(ThreadViewEntry),
});
const TechnicalView = Thread.extend({ view: z.literal('technical') });

export const ThreadView = z.discriminatedUnion('view', [ReadableView, TechnicalView]);
export type ThreadView = z.infer<typeof ThreadView>;
export type ThreadViewName = ThreadView['view'];

type Block = Exclude<ThreadMessage['content'], string>[number];
type ToolUse = { type: 'tool_use'; id: string; name: string; input: unknown };
type ToolResult = { type: 'tool_result'; tool_use_id: string; content?: unknown; is_error?: boolean };

const LINE_LENGTH = 160;

/**
 * The conversation for a reader: `simplified` has the prompt and the replies, `standard` adds one line per tool call,
 * `technical` has the complete messages, with the usage of each reply.
 */
export function viewThread(thread: Thread, view: ThreadViewName, includeTool: readonly string[]): ThreadView {
  const { jobId, repositoryName, model } = thread;
  if (view === 'technical') return { view, ...thread };
  return { view, jobId, repositoryName, model, messages: entriesOf(thread, view, includeTool) };
}

function entriesOf(
  { messages, turns }: Thread,
  view: ThreadViewName,
  includeTool: readonly string[],
): ThreadViewEntry[] {
  const results = new Map<string, ToolResult>();
  for (const block of messages.flatMap(blocksOf))
    if (isToolResult(block)) results.set(block.tool_use_id, block);

  const turnOf = new Map(turns.map((turn) => [turn.message, turn]));
  return messages.flatMap((message, index) => {
    const blocks = blocksOf(message);
    const text = blocks
      .flatMap((block) => (block.type === 'text' ? [String((block as { text: unknown }).text)] : []))
      .join('\n\n');
    const calls =
      view === 'standard'
        ? blocks.filter(isToolUse).map((call) => viewCall(call, results.get(call.id), includeTool))
        : [];
    // Messages that have only tool results are left out: the tool calls show the results.
    if (text === '' && calls.length === 0) return [];
    const { seconds, tokenUsage, costUsd } = turnOf.get(index) ?? {};
    return [
      {
        ...{ role: message.role, text },
        ...(calls.length > 0 && { toolCalls: calls }),
        ...(tokenUsage && seconds !== undefined && { turn: { seconds, tokenUsage, costUsd } }),
      },
    ];
  });
}

function viewCall(call: ToolUse, result: ToolResult | undefined, includeTool: readonly string[]): ToolCall {
  const whole = `${call.name} ${JSON.stringify(call.input)}`;
  const full = includeTool.includes(call.name) || includeTool.includes('true');
  return {
    tool: call.name,
    line: whole.length > LINE_LENGTH ? `${whole.slice(0, LINE_LENGTH - 1)}…` : whole,
    failed: result?.is_error ?? false,
    ...(full && { input: call.input, result: result?.content }),
  };
}

function blocksOf({ content }: ThreadMessage): Block[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

function isToolUse(block: Block): block is Block & ToolUse {
  return block.type === 'tool_use';
}

function isToolResult(block: Block): block is Block & ToolResult {
  return block.type === 'tool_result';
}
