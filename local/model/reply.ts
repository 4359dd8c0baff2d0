import { randomBytes } from 'node:crypto';
import type { ContentBlock, Message, StopReason, Usage } from '@anthropic-ai/sdk/resources/messages';
import type { ErrorType } from '@anthropic-ai/sdk/resources/shared';
import { thinkingSignature } from './bound-thinking.ts';
import type { MessageRequest } from './conversation.ts';
import { estimateTokens, type InputUsage } from './prompt-cache.ts';

/** A content block; missing ids and signatures are generated. */
export type ReplyBlock =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string; signature?: string }
  | { type: 'redacted_thinking'; data: string }
  | { type: 'tool_use'; name: string; input: unknown; id?: string };

/** The model's turn. */
export type Answer = {
  content: readonly ReplyBlock[];
  /** @default `tool_use` when the content calls a tool, else `end_turn` */
  stopReason?: StopReason;
  /** The details of a refusal. @default null */
  stopDetails?: Message['stop_details'];
  /** Missing counts are zero. @default an estimate by prompt-cache.ts */
  usage?: Partial<Usage>;
};

/** An error of the API, such as 429 with `rate_limit_error` or 529 with `overloaded_error`. */
export type Failure = { status: number; type: ErrorType; message: string; headers?: Record<string, string> };

/**
 * A fault of the transport. `stall: true` never answers. The others happen after `afterEvents`
 * server-sent events of `content`, or of a placeholder: `drop` resets the connection (with 0, before the
 * response starts), `end` closes it as if the answer were complete, `stall` sends nothing more, and a
 * `text` is sent unchanged before the connection closes, such as an `error` event or invalid JSON.
 */
export type Fault =
  | ({ afterEvents: number; fault: 'drop' | 'end' | 'stall' | { text: string } } & Partial<Answer>)
  | { stall: true };

export type Reply = Answer | Failure | Fault;

/** An id in the API's form: a prefix for the kind (`msg`, `toolu`, `req`), then random characters. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

const PLACEHOLDER: readonly ReplyBlock[] = [
  { type: 'text', text: 'The connection closes before this sentence ends.' },
];

const NO_USAGE: Usage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation: null,
  output_tokens_details: null,
  inference_geo: null,
  server_tool_use: null,
  service_tier: 'standard',
  speed: null,
};

/** The complete message of an answer. `input` is its usage unless the answer has one. */
export function messageOf(answer: Partial<Answer>, request: MessageRequest, input: InputUsage): Message {
  const { content: written = PLACEHOLDER, usage } = answer;
  const content = written.map((block) => contentBlock(block, request));
  const callsTool = content.some((block) => block.type === 'tool_use');
  return {
    id: newId('msg'),
    type: 'message',
    role: 'assistant',
    model: request.model,
    content,
    stop_reason: answer.stopReason ?? (callsTool ? 'tool_use' : 'end_turn'),
    stop_sequence: null,
    stop_details: answer.stopDetails ?? null,
    container: null,
    diagnostics: null,
    usage: usage ? { ...NO_USAGE, ...usage } : { ...NO_USAGE, ...input, ...outputUsage(written) },
  };
}

function contentBlock(block: ReplyBlock, request: MessageRequest): ContentBlock {
  switch (block.type) {
    case 'text':
      return { ...block, citations: null };
    case 'thinking':
      return { signature: thinkingSignature(request), ...block };
    case 'tool_use':
      return { id: newId('toolu'), caller: { type: 'direct' }, ...block };
    default:
      return block;
  }
}

function outputUsage(content: readonly ReplyBlock[]): Pick<Usage, 'output_tokens' | 'output_tokens_details'> {
  const thinking = content.filter((block) => block.type === 'thinking' || block.type === 'redacted_thinking');
  const tokens = (blocks: readonly ReplyBlock[]) =>
    estimateTokens(blocks.reduce((bytes, block) => bytes + Buffer.byteLength(JSON.stringify(block)), 0));
  return { output_tokens: tokens(content), output_tokens_details: { thinking_tokens: tokens(thinking) } };
}
