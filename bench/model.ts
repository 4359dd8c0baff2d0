import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages';
import type { LoopbackServer } from '../local/access/loopback.ts';
import { serveMessagesApi } from '../local/model/messages-api.ts';
import type { Answer, ReplyBlock } from '../local/model/reply.ts';

/** The edit of the job. Every repository is a published package, whose package.json has this key once. */
export const EDITED_FILE = 'package.json';
export const EDIT = { path: EDITED_FILE, oldText: '"license":', newText: '"licence":' };
export const PROMPT = `In ${EDITED_FILE}, spell the key ${EDIT.oldText} as ${EDIT.newText}`;

export const SUBMISSION = {
  summary: 'Spelt the key as asked.',
  title: 'Spell a key of package.json',
  body: 'As asked.',
  wereChangesNecessary: true,
};

/** Read → edit → done: the shortest conversation that changes a file. */
const TURNS: readonly Answer[] = [
  answer({ type: 'tool_use', name: 'read_file', input: { path: EDITED_FILE } }),
  answer({ type: 'tool_use', name: 'edit_file', input: EDIT }),
  answer({
    type: 'tool_use',
    name: 'task_complete',
    input: SUBMISSION,
  }),
];

function answer(...content: ReplyBlock[]): Answer {
  return { content };
}

export type BenchModel = LoopbackServer & {
  /** The requests of the last conversation, in order, which the bare script repeats. */
  conversation: MessageCreateParams[];
};

/** A Messages API on loopback that answers at once, for any number of concurrent conversations. */
export async function startModel(): Promise<BenchModel> {
  const conversation: MessageCreateParams[] = [];
  const server = await serveMessagesApi({
    access: 'anyone',
    name: 'bench model',
    respond(request) {
      const turn = request.messages.filter(({ role }) => role === 'assistant').length;
      conversation[turn] = request;
      const reply = TURNS[turn];
      if (reply) return reply;
      return {
        status: 400,
        type: 'invalid_request_error',
        message: `The scripted conversation has no turn ${turn + 1}.`,
      };
    },
  });
  return { ...server, conversation };
}
