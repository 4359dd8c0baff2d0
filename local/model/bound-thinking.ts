import { createHash } from 'node:crypto';
import { blocksOf, type MessageRequest } from './conversation.ts';
import { promptBlocks } from './prompt-cache.ts';

/** Tells the signatures that are made here from those that a script made up, which are taken as they are. */
const MADE_HERE = 'local.';

/**
 * The signature of a thought in the answer to this request. Since August 2026 the API binds a thought to the model, the
 * system prompt, the tools and all messages before it (extended thinking guide, "preserved thinking").
 */
export function thinkingSignature(
  request: Pick<MessageRequest, 'model' | 'messages' | 'system' | 'tools'>,
): string {
  const hash = createHash('sha256').update(request.model);
  for (const { bytes } of promptBlocks(request as MessageRequest)) hash.update(bytes);
  return MADE_HERE + hash.digest('base64');
}

/** Why the API would refuse a thought of the history: something that it is bound to is another now. */
export function thinkingRefusal(request: MessageRequest): string | undefined {
  for (const [index, { role, content }] of request.messages.entries()) {
    if (role !== 'assistant') continue;
    for (const [position, block] of blocksOf<Exclude<typeof content, string>[number]>(content).entries()) {
      if (block.type !== 'thinking' || !block.signature.startsWith(MADE_HERE)) continue;
      if (block.signature !== thinkingSignature({ ...request, messages: request.messages.slice(0, index) }))
        return `messages.${index}.content.${position}: Invalid \`signature\` in \`thinking\` block`;
    }
  }
  return undefined;
}
