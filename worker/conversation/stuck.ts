import type {
  MessageParam,
  ToolResultBlockParam,
  ToolUseBlockParam,
} from '@anthropic-ai/sdk/resources/messages';

/** OpenHands' limits: four identical calls and results, three identical errors, six calls that alternate between two. */
const SAME_CALLS = 4;
const SAME_ERRORS = 3;
const ALTERNATIONS = 6;

/** Whether the latest tool calls repeat each other. */
export function isStuck(messages: readonly MessageParam[]): boolean {
  const exchanges = lastExchanges(messages, ALTERNATIONS);
  const last = (count: number) => (exchanges.length < count ? [] : exchanges.slice(-count));
  return (
    isSame(last(SAME_CALLS)) ||
    (isSame(last(SAME_ERRORS)) && exchanges.at(-1)!.isError) ||
    (isSame(last(ALTERNATIONS).filter((_, i) => i % 2 === 0)) &&
      isSame(last(ALTERNATIONS).filter((_, i) => i % 2 === 1)))
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
  // The duration of a command differs between identical runs.
  const output = String(result?.content).replace(/ after [\d.]+ s\./, '');
  return { key: JSON.stringify([name, input, isError, output]), isError };
}

function isSame(exchanges: readonly Exchange[]): boolean {
  return exchanges.length > 0 && exchanges.every(({ key }) => key === exchanges[0]!.key);
}
