import { createHash } from 'node:crypto';
import { blocksOf, type MessageRequest } from './conversation.ts';
import { promptBlocks } from './prompt-cache.ts';

/** Marks signatures that are made here; those of a script are not checked. */
const MADE_HERE = 'local.';

/**
 * The signature of a thinking block in the answer to this request. Since August 2026 the API binds
 * thinking to the model, the system prompt, the tools and all messages before it (extended thinking
 * guide, "preserved thinking").
 */
export function thinkingSignature(
  request: Pick<MessageRequest, 'model' | 'messages' | 'system' | 'tools'>,
): string {
  const hash = createHash('sha256').update(request.model);
  for (const { bytes } of promptBlocks(request as MessageRequest)) hash.update(bytes);
  return MADE_HERE + hash.digest('base64');
}

/** The API's error if a thinking block's context has changed since it was signed; undefined if none has. */
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
