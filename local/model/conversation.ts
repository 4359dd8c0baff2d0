import type {
  ContentBlockParam,
  MessageCreateParams,
  TextBlockParam,
  ToolResultBlockParam,
  ToolUseBlockParam,
} from '@anthropic-ai/sdk/resources/messages';

/** The body of POST /v1/messages that has passed request-rules.ts. */
export type MessageRequest = MessageCreateParams;

/** A string is the API's shorthand for one text block. */
export function blocksOf<Block extends ContentBlockParam>(
  content: string | Block[],
): (Block | TextBlockParam)[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

/** One tool call with its result. */
export type ToolExchange = {
  name: string;
  input: Record<string, unknown>;
  /** The result's text blocks, joined by line feeds; undefined until a result is sent. */
  result?: string;
  isError: boolean;
};

/**
 * The user's texts before the model's first turn. Later texts report on the work, and a linter's report
 * can read like a prompt (Prettier writes "Replace `a` with `b`").
 */
export function promptTexts({ messages }: MessageRequest): string[] {
  const firstTurn = messages.findIndex(({ role }) => role === 'assistant');
  return messages
    .slice(0, firstTurn === -1 ? undefined : firstTurn)
    .filter(({ role }) => role === 'user')
    .flatMap((message) => blocksOf(message.content))
    .flatMap((block) => (block.type === 'text' ? [block.text] : []));
}

/** Every tool call of the conversation, in order. */
export function toolExchanges(request: MessageRequest): ToolExchange[] {
  const blocks = request.messages.flatMap((message): ContentBlockParam[] => blocksOf(message.content));
  const results = new Map(
    blocks
      .filter((block): block is ToolResultBlockParam => block.type === 'tool_result')
      .map((block) => [block.tool_use_id, block]),
  );
  return blocks
    .filter((block): block is ToolUseBlockParam => block.type === 'tool_use')
    .map(({ id, name, input }) => {
      const result = results.get(id);
      return {
        name,
        input: input as Record<string, unknown>,
        result: result && resultText(result),
        isError: result?.is_error === true,
      };
    });
}

function resultText({ content = '' }: ToolResultBlockParam): string {
  if (typeof content === 'string') return content;
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
}
