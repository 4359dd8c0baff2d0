import type {
  MessageParam,
  ToolResultBlockParam,
  ToolUseBlockParam,
} from '@anthropic-ai/sdk/resources/messages';

/** FACTS: OpenHands takes four identical calls with the same result, or three identical errors, for going in circles. */
const SAME_CALLS = 4;
const SAME_ERRORS = 3;

/** Whether the latest tool calls repeat each other. */
export function isStuck(messages: readonly MessageParam[]): boolean {
  const exchanges = lastExchanges(messages, SAME_CALLS);
  if (exchanges.length === SAME_CALLS && allSame(exchanges.map(({ key }) => key))) return true;
  const errors = exchanges.slice(-SAME_ERRORS);
  return (
    errors.length === SAME_ERRORS &&
    errors.every(({ isError }) => isError) &&
    allSame(errors.map(({ key }) => key))
  );
}

type Exchange = { key: string; isError: boolean };

/** Oldest first. */
function lastExchanges(messages: readonly MessageParam[], count: number): Exchange[] {
  const found: Exchange[] = [];
  const results = new Map<string, ToolResultBlockParam>();
  for (const { content } of messages.toReversed()) {
    if (typeof content === 'string') continue;
    for (const block of content.toReversed()) {
      if (block.type === 'tool_result') results.set(block.tool_use_id, block);
      if (block.type === 'tool_use') found.push(exchangeOf(block, results.get(block.id)));
      if (found.length === count) return found.toReversed();
    }
  }
  return found.toReversed();
}

function exchangeOf({ name, input }: ToolUseBlockParam, result: ToolResultBlockParam | undefined): Exchange {
  const isError = result?.is_error === true;
  return { key: JSON.stringify([name, input, isError, result?.content]), isError };
}

function allSame(keys: readonly string[]): boolean {
  return keys.every((key) => key === keys[0]);
}
