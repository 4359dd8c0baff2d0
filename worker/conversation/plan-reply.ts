import type {
  ContentBlock,
  ContentBlockParam,
  Message,
  ToolResultBlockParam,
  ToolUseBlock,
} from '@anthropic-ai/sdk/resources/messages';
import { ConversationEnded, limitReached } from './conclusion.ts';
import type { ConversationState } from './conversation-state.ts';
import { NO_ANSWER, text, textOf } from './messages.ts';

const REMINDER =
  'Nothing is submitted yet. If the work is done, or no change is necessary, call task_complete; otherwise continue with the tools.';

/** The reply to an answer: the results of these calls, then these blocks. */
export type Reply = { calls: ToolUseBlock[]; blocks: ContentBlockParam[] };

/** Plans the reply to the last answer. Throws ConversationEnded if the answer ends the conversation. */
export function planReply(state: ConversationState, settings: Parameters<typeof limitReached>[1]): Reply {
  const answer = state.messages.at(-1)!.content as ContentBlock[];
  const turn = state.turns.at(-1);
  const stopReason = turn?.stopReason as Message['stop_reason'];
  if (stopReason === 'refusal')
    throw new ConversationEnded({ end: 'refused', summary: refusalText(answer, turn?.stopExplanation) });
  if (stopReason === 'model_context_window_exceeded')
    throw new ConversationEnded(limitReached('contextExceeded', settings));

  const calls = answer.filter((block) => block.type === 'tool_use');
  if (stopReason === 'max_tokens') return replyToTruncated(answer, calls);
  if (calls.length > 0) return { calls, blocks: [] };
  if (stopReason === 'pause_turn') return { calls, blocks: [text('Continue.')] };
  if (wasReminded(state)) throw new ConversationEnded({ end: 'gaveUp', summary: textOf(answer) });
  return { calls, blocks: [text(REMINDER)] };
}

/** The last block may be incomplete, so a call there does not run. */
function replyToTruncated(answer: readonly ContentBlock[], calls: ToolUseBlock[]): Reply {
  const advice = text('Your answer reached its token limit. Continue in smaller steps.');
  const last = answer.at(-1);
  if (last?.type !== 'tool_use') return { calls, blocks: [advice] };
  return { calls: calls.slice(0, -1), blocks: [truncatedCall(last), advice] };
}

function truncatedCall({ id }: ToolUseBlock): ToolResultBlockParam {
  const content = 'This call was truncated by the token limit and did not run.';
  return { type: 'tool_result', tool_use_id: id, content, is_error: true };
}

/** Whether the message before the answer is the reminder: a second answer without calls ends the conversation. */
function wasReminded({ messages }: ConversationState): boolean {
  const { content } = messages.at(-2)!;
  return Array.isArray(content) && content.some((block) => block.type === 'text' && block.text === REMINDER);
}

function refusalText(content: readonly ContentBlock[], explanation: string | undefined): string {
  const answer = textOf(content);
  const parts = answer === '' || answer === NO_ANSWER ? [] : [answer];
  if (explanation) parts.push(`The API's reason: ${explanation}`);
  return parts.join('\n\n') || 'The model refused the task; reword the prompt.';
}
