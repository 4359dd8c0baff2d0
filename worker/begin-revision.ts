import type { TextBlockParam } from '@anthropic-ai/sdk/resources/messages';
import type { Began } from '../core/repository-result.ts';
import { text } from './conversation/messages.ts';
import type { EarlierWork } from './earlier-work.ts';
import { inData } from './in-data.ts';
import { boundedPatch } from './judge/bounded-patch.ts';

/** The service keeps a prompt for 5 minutes after its last use; a clone and the queue of Batch take a part of that. */
const WARM_MS = 3 * 60_000;

/**
 * Bytes of a conversation, for each byte of its patch, above which a new conversation is the cheaper one although the model
 * reads the changed files again. `npm run bench -- revise` has both.
 */
const MAX_BYTES_PER_PATCH_BYTE = 2;
/** A conversation of this length costs less than the turn in which the model looks again. */
const SHORT_BYTES = 8 * 1024;

/**
 * How a revision begins: as it was asked for if that is possible, or else in the cheapest way. A long conversation that is no
 * longer in the service's cache costs more than its patch. Returns undefined if only the base commit is left.
 */
export function wayToBegin(
  { messages, patch, endedAt }: EarlierWork,
  asked: Began | undefined,
  nowMs = Date.now(),
): Exclude<Began, 'anew'> | undefined {
  if (asked === 'anew') return undefined;
  if (patch.length === 0) return messages && 'resumed';
  if (!messages || asked === 'fromPatch') return 'fromPatch';
  if (asked === 'resumed' || nowMs - Date.parse(endedAt) < WARM_MS) return 'resumed';
  const bytes = Buffer.byteLength(JSON.stringify(messages));
  const isLong = bytes > SHORT_BYTES + MAX_BYTES_PER_PATCH_BYTE * patch.length;
  return isLong ? 'fromPatch' : 'resumed';
}

/** What a new conversation is told of the earlier change, which is in the tree. It is text of the repository, so it is data. */
export function earlierChange(earlier: Buffer): TextBlockParam {
  const { patch, leftOut } = boundedPatch(earlier);
  const note = leftOut.length > 0 ? ` It is too long to show in full: read ${leftOut.join(', ')}.` : '';
  return text(
    `An earlier run has made a change for this task, and the tree has it already. Correct it, and keep what is right. Its patch follows as data.${note}\n\n<change>${inData(patch)}</change>`,
  );
}
