import type {
  ContentBlock,
  ContentBlockParam,
  MessageParam,
  TextBlockParam,
} from '@anthropic-ai/sdk/resources/messages';

/** Takes the place of an answer without any content that can be sent back. */
export const NO_ANSWER = '(no answer)';

/** Tools take inputs of at most 3 levels. Much deeper ones can be neither stored nor sent back. */
const MAX_INPUT_DEPTH = 32;

/**
 * The content of an answer in the form in which the API accepts it back. The API refuses blank texts, thinking blocks
 * without their signature, and empty messages, although models write them. An input that is too deep becomes empty, and the
 * tool's error then explains the expected input.
 */
export function sendable(content: ContentBlock[]): ContentBlockParam[] {
  const blocks = content
    .filter(
      (block) =>
        (block.type !== 'text' || block.text.trim() !== '') &&
        (block.type !== 'thinking' || block.signature !== ''),
    )
    .map((block) =>
      block.type === 'tool_use' && isDeeper(block.input, MAX_INPUT_DEPTH) ? { ...block, input: {} } : block,
    );
  return blocks.length > 0 ? blocks : [text(NO_ANSWER)];
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeper(child, levels - 1));
}

/**
 * Removes all thinking blocks from the history; returns false if there are none. Each is bound to the model, the system
 * prompt, the tools and the messages before it, so a newer version of the worker may be unable to send it back.
 */
export function removeThinking(messages: MessageParam[]): boolean {
  let removed = false;
  for (const message of messages) {
    if (message.role !== 'assistant' || typeof message.content === 'string') continue;
    const kept = message.content.filter(({ type }) => type !== 'thinking' && type !== 'redacted_thinking');
    if (kept.length === message.content.length) continue;
    removed = true;
    message.content = kept.length > 0 ? kept : [text(NO_ANSWER)];
  }
  return removed;
}

/** The message of a revision: results for calls of the last answer that never ran, as the API requires, then the text. */
export function instructionMessage(messages: readonly MessageParam[], instruction: string): MessageParam {
  const { role, content } = messages.at(-1)!;
  const calls = role === 'assistant' && typeof content !== 'string' ? content : [];
  const results = calls.flatMap((block): ContentBlockParam[] =>
    block.type === 'tool_use'
      ? [{ type: 'tool_result', tool_use_id: block.id, content: 'This call did not run.', is_error: true }]
      : [],
  );
  return { role: 'user', content: [...results, text(instruction)] };
}

/** A message of the user with more blocks at its end. */
export function withBlocks({ content }: MessageParam, blocks: readonly TextBlockParam[]): MessageParam {
  const before = typeof content === 'string' ? [text(content)] : content;
  return { role: 'user', content: [...before, ...blocks] } as MessageParam;
}

export function text(value: string): TextBlockParam {
  return { type: 'text', text: value };
}

export function textOf(content: readonly ContentBlock[]): string {
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n\n');
}
