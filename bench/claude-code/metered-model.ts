import type http from 'node:http';
import { costOfRequest } from '../../core/models.ts';
import { type LoopbackServer, listenOnLoopback, readBody } from '../../local/access/loopback.ts';
import { blocksOf, type MessageRequest } from '../../local/model/conversation.ts';
import { messageEvents } from '../../local/model/message-events.ts';
import { type InputUsage, PromptCache } from '../../local/model/prompt-cache.ts';
import { messageOf, type ReplyBlock } from '../../local/model/reply.ts';
import { EDIT, EDITED_FILE, SUBMISSION } from '../model.ts';

const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** The requests of a round of conversations, and their bill. */
export type Meter = {
  requests: number;
  /** Bytes of the requests' bodies. */
  bytes: number;
  /** Billed input tokens: plain tokens, cache writes at 1.25, cache reads at the read rate. */
  billedInput: number;
};

export type MeteredModel = LoopbackServer & {
  /** Starts a round with an empty cache and a meter at zero. */
  startRound(): Meter;
};

/**
 * Starts a Messages API that has the same conversation with every client: it reads a file, edits it and ends, by whichever
 * tools the client offers. It accepts every request, with the beta features of any client, and bills by the rules of the
 * prompt cache.
 */
export async function startMeteredModel(): Promise<MeteredModel> {
  let meter: Meter = { requests: 0, bytes: 0, billedInput: 0 };
  let cache = new PromptCache();

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await readBody(request, MAX_BODY_BYTES);
    if (request.method !== 'POST' || !/^\/v1\/messages(\?|$)/.test(request.url!) || !body) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    const asked = JSON.parse(body.toString()) as MessageRequest;
    const { usage, answered } = cache.admit(asked);
    answered();
    meter.requests += 1;
    meter.bytes += body.length;
    meter.billedInput += billedTokens(asked.model, usage);
    const message = messageOf({ content: [reply(asked)] }, asked, usage);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of messageEvents(message))
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    response.end();
  }

  const server = await listenOnLoopback((request, response) => void answer(request, response), {
    access: 'anyone',
    name: 'metered model',
  });
  return {
    ...server,
    startRound() {
      cache = new PromptCache();
      meter = { requests: 0, bytes: 0, billedInput: 0 };
      return meter;
    },
  };
}

function billedTokens(model: string, usage: InputUsage): number {
  const counts = {
    input: usage.input_tokens,
    cacheCreation: usage.cache_creation_input_tokens ?? 0,
    cacheRead: usage.cache_read_input_tokens ?? 0,
  };
  const cost = costOfRequest(model, { ...counts, output: 0, total: 0 });
  const million = costOfRequest(model, { input: 1e6, cacheCreation: 0, cacheRead: 0, output: 0, total: 1e6 });
  if (cost === undefined || million === undefined)
    throw new Error(`The price of ${model} is not known. Add it to core/models.ts.`);
  return (cost / million) * 1e6;
}

/** The turn, from the number of tool calls that have results. */
function reply(request: MessageRequest): ReplyBlock {
  const results = request.messages.flatMap(({ content }) =>
    blocksOf<Exclude<typeof content, string>[number]>(content).filter(({ type }) => type === 'tool_result'),
  );
  const offered = new Set((request.tools ?? []).map((tool) => ('name' in tool ? tool.name : '')));
  const call = (name: string, input: unknown): ReplyBlock => ({ type: 'tool_use', name, input });
  if (offered.has('task_complete')) {
    const turns = [
      call('read_file', { path: EDITED_FILE }),
      call('edit_file', EDIT),
      call('task_complete', SUBMISSION),
    ];
    return turns[results.length]!;
  }
  const turns: ReplyBlock[] = [
    call('Read', { file_path: EDITED_FILE }),
    call('Edit', { file_path: EDITED_FILE, old_string: EDIT.oldText, new_string: EDIT.newText }),
    { type: 'text', text: SUBMISSION.summary },
  ];
  return turns[results.length]!;
}
