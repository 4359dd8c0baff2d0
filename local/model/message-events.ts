import type { ContentBlock, Message, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';

/** The events of a streamed response. The API also sends `ping`, which clients must ignore. */
export type StreamEvent = RawMessageStreamEvent | { type: 'ping' };

/** The events of a message: its envelope, each content block in pieces, then the stop reason. */
export function* messageEvents(message: Message): Generator<StreamEvent> {
  const { usage } = message;
  yield {
    type: 'message_start',
    message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
  };
  yield { type: 'ping' };
  for (const [index, block] of message.content.entries()) {
    yield { type: 'content_block_start', index, content_block: emptied(block) };
    for (const delta of deltas(block)) yield { type: 'content_block_delta', index, delta };
    yield { type: 'content_block_stop', index };
  }
  const { stop_reason, stop_sequence, stop_details, container } = message;
  yield { type: 'message_delta', delta: { stop_reason, stop_sequence, stop_details, container }, usage };
  yield { type: 'message_stop' };
}

function emptied(block: ContentBlock): ContentBlock {
  switch (block.type) {
    case 'text':
      return { ...block, text: '' };
    case 'thinking':
      return { ...block, thinking: '', signature: '' };
    case 'tool_use':
      return { ...block, input: {} };
    default:
      return block;
  }
}

type Delta = Extract<RawMessageStreamEvent, { type: 'content_block_delta' }>['delta'];

function* deltas(block: ContentBlock): Generator<Delta> {
  switch (block.type) {
    case 'text':
      for (const text of pieces(block.text)) yield { type: 'text_delta', text };
      break;
    case 'thinking':
      for (const thinking of pieces(block.thinking)) yield { type: 'thinking_delta', thinking };
      yield { type: 'signature_delta', signature: block.signature };
      break;
    case 'tool_use':
      yield { type: 'input_json_delta', partial_json: '' };
      for (const partial_json of pieces(JSON.stringify(block.input))) {
        yield { type: 'input_json_delta', partial_json };
      }
  }
}

/** Pieces of up to 48 code points, so that clients have to join them. */
function pieces(text: string): string[] {
  return text.match(/[\s\S]{1,48}/gu) ?? [];
}
