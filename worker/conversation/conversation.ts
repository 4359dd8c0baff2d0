import type {
  ContentBlock,
  ContentBlockParam,
  Message,
  MessageParam,
  TextBlockParam,
  ToolResultBlockParam,
  ToolUseBlock,
} from '@anthropic-ai/sdk/resources/messages';
import { subtractCosts, subtractTokens } from '../../core/usage.ts';
import type { Model } from '../claude/model.ts';
import { ThinkingRefusedError } from '../claude/model-trouble.ts';
import type { SharedPrefix } from '../claude/shared-prefix.ts';
import type { Budget } from './budget.ts';
import type { ConversationState } from './conversation-state.ts';
import { type Conclusion, ConversationEnded, limitEnding } from './ending.ts';
import { isStuck } from './stuck.ts';

export type Conversation = {
  state: ConversationState;
  model: Model;
  budget: Budget;
  prefix: SharedPrefix;
  settings: Parameters<typeof limitEnding>[1];
  /** The time limit, and the order to stop. */
  signal: AbortSignal;
  runTools(calls: readonly ToolUseBlock[]): Promise<ToolResultBlockParam[]>;
  /** How a submission ended the conversation, once one did. */
  ending(): Conclusion | undefined;
  /** Keeps an answer that was paid for. */
  saveAnswer(): Promise<void>;
  /** Keeps what was paid for an answer that broke off. */
  saveTally(): Promise<void>;
  /** Told when the history had to be sent without its thoughts, with the service's reason. */
  onThinkingForgotten(reason: string): void;
  /** Appends what the model is told, and keeps it together with the tree that the tools left. */
  saveReply(message: MessageParam): Promise<void>;
};

const REMINDER =
  'Nothing is submitted yet. If the work is done, or no change is called for, call task_complete; otherwise go on with the tools.';

const NO_ANSWER = '(no answer)';

/** Asks, runs the tools, saves; until an end that has a name. */
export async function converse(conversation: Conversation): Promise<Conclusion> {
  const { state, settings } = conversation;
  try {
    for (;;) {
      // A conversation that is resumed may have an answer already, whose tools did not run to their end.
      if (state.messages.at(-1)!.role === 'user') {
        await ask(conversation);
        await conversation.saveAnswer();
      }
      const content = await reply(conversation);
      await conversation.saveReply({ role: 'user', content });
      const ending = conversation.ending();
      if (ending) return ending;
      if (isStuck(state.messages)) return limitEnding('stuck', settings);
    }
  } catch (error) {
    if (error instanceof ConversationEnded) return error.ending;
    throw error;
  }
}

async function ask(conversation: Conversation): Promise<void> {
  const { state, prefix, signal } = conversation;
  if (state.turns.length === 0) await prefix.ready(signal);
  const startedAt = new Date();
  const { tokenUsage, costUsd } = state;
  // From here to its save nothing is awaited once the answer is there: it is paid for.
  const answer = await wholeAnswer(conversation).finally(() => prefix.over());
  state.messages.push({ role: 'assistant', content: sendable(answer.content) });
  state.turns.push({
    message: state.messages.length - 1,
    startedAt: startedAt.toISOString(),
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    stopReason: answer.stop_reason,
    ...(answer.stop_details?.explanation && { stopExplanation: answer.stop_details.explanation }),
    // Answers that broke off before this one included.
    tokenUsage: subtractTokens(state.tokenUsage, tokenUsage),
    costUsd: subtractCosts(state.costUsd, costUsd),
  });
}

/** Asks until an answer is whole. One that breaks off is paid as well, so each call is held against the limits. */
async function wholeAnswer(conversation: Conversation): Promise<Message> {
  const { state, model, budget, prefix, signal } = conversation;
  const call = () => model.ask(state.messages, { signal, spend: budget.spend, onBegun: prefix.begun });
  for (;;) {
    budget.check();
    const promptBytes = model.prefixBytes + Buffer.byteLength(JSON.stringify(state.messages));
    try {
      const answer = await budget.within(promptBytes, model.maxTokens, call);
      if (answer) return answer;
      await conversation.saveTally();
    } catch (error) {
      // Once: a history without thinking cannot be refused for its thinking.
      if (!(error instanceof ThinkingRefusedError) || !forgetThinking(state)) throw error;
      conversation.onThinkingForgotten(error.message);
    }
  }
}

/**
 * Takes every thought out of the history; returns false where there is none. A thought is bound to the model, the system
 * prompt, the tools and all that was said before it, so a newer version of this worker may not be able to send it back.
 */
function forgetThinking({ messages }: ConversationState): boolean {
  let forgot = false;
  for (const message of messages) {
    if (message.role !== 'assistant' || typeof message.content === 'string') continue;
    const kept = message.content.filter(({ type }) => type !== 'thinking' && type !== 'redacted_thinking');
    if (kept.length === message.content.length) continue;
    forgot = true;
    message.content = kept.length > 0 ? kept : [text(NO_ANSWER)];
  }
  return forgot;
}

/** What the model is told after its answer: the results of its tools, or how to go on. Throws ConversationEnded. */
async function reply({ state, settings, runTools }: Conversation): Promise<ContentBlockParam[]> {
  const answer = state.messages.at(-1)!.content as ContentBlock[];
  const turn = state.turns.at(-1);
  const stopReason = turn?.stopReason as Message['stop_reason'];
  if (stopReason === 'refusal')
    throw new ConversationEnded({ end: 'refused', summary: refusalText(answer, turn?.stopExplanation) });
  if (stopReason === 'model_context_window_exceeded')
    throw new ConversationEnded(limitEnding('contextExceeded', settings));

  const calls = answer.filter((block) => block.type === 'tool_use');
  if (stopReason === 'max_tokens') {
    const last = answer.at(-1);
    const whole = last?.type === 'tool_use' ? calls.slice(0, -1) : calls;
    const results = await runTools(whole);
    if (last?.type === 'tool_use') results.push(cutOff(last));
    return [...results, text('Your answer reached its limit of tokens. Go on in smaller steps.')];
  }
  if (calls.length > 0) return runTools(calls);
  if (stopReason === 'pause_turn') return [text('Go on.')];
  if (wasReminded(state)) throw new ConversationEnded({ end: 'gaveUp', summary: textOf(answer) });
  return [text(REMINDER)];
}

/** Whether the answer that only talks is the second in a row. */
function wasReminded({ messages }: ConversationState): boolean {
  const { content } = messages.at(-2)!;
  return Array.isArray(content) && content.some((block) => block.type === 'text' && block.text === REMINDER);
}

/** No tool takes an input deeper than 3; what is much deeper can be neither stored nor sent back. */
const MAX_INPUT_DEPTH = 32;

/**
 * The API refuses a blank text, a thought that was cut off before its signature, and an empty message in what it is sent
 * back; models write them all the same. The tool says of an input that is left out what it expects.
 */
function sendable(content: ContentBlock[]): ContentBlockParam[] {
  const said = content
    .filter(
      (block) =>
        (block.type !== 'text' || block.text.trim() !== '') &&
        (block.type !== 'thinking' || block.signature !== ''),
    )
    .map((block) =>
      block.type === 'tool_use' && isDeeper(block.input, MAX_INPUT_DEPTH) ? { ...block, input: {} } : block,
    );
  return said.length > 0 ? said : [text(NO_ANSWER)];
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeper(child, levels - 1));
}

function cutOff({ id }: ToolUseBlock): ToolResultBlockParam {
  const content = 'This call was cut off by the limit of tokens and did not run.';
  return { type: 'tool_result', tool_use_id: id, content, is_error: true };
}

function text(said: string): TextBlockParam {
  return { type: 'text', text: said };
}

function textOf(content: readonly ContentBlock[]): string {
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n\n');
}

function refusalText(content: readonly ContentBlock[], explanation: string | undefined): string {
  const said = textOf(content);
  const words = said === '' || said === NO_ANSWER ? [] : [said];
  if (explanation) words.push(`The API's reason: ${explanation}`);
  return words.join('\n\n') || 'The model refused the task; reword the prompt.';
}
