import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages';
import type { LoopbackServer } from '../local/access/loopback.ts';
import { serveMessagesApi } from '../local/model/messages-api.ts';
import type { Answer, ReplyBlock } from '../local/model/reply.ts';

/** What the job asks for; every repository here is a published package, whose package.json has this key once. */
export const EDITED_FILE = 'package.json';
export const EDIT = { path: EDITED_FILE, oldText: '"license":', newText: '"licence":' };
export const PROMPT = `In ${EDITED_FILE}, spell the key ${EDIT.oldText} as ${EDIT.newText}`;

export const SUBMISSION = {
  summary: 'Spelt the key as asked.',
  title: 'Spell a key of package.json',
  body: 'As asked.',
  wereChangesNecessary: true,
};

/** Read → Edit → done: the field's shortest conversation that changes something. */
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
  /** The last conversation's requests, in order: what the bare script sends again. */
  conversation: MessageCreateParams[];
};

/** The Messages API on loopback, which answers at once; any number of conversations go on at the same time. */
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
      return { status: 400, type: 'invalid_request_error', message: `There is no turn ${turn + 1}.` };
    },
  });
  return { ...server, conversation };
}
