import type http from 'node:http';
import type { MessageRequest } from '../../local/model/conversation.ts';
import { serveMessagesApi } from '../../local/model/messages-api.ts';
import type { Reply } from '../../local/model/reply.ts';

/**
 * Replies in the order in which they are given out, or one function of the request, its number (from 1) and a signal that
 * aborts when the caller has gone.
 */
export type Script =
  | readonly (Reply | ((request: MessageRequest) => Reply))[]
  | ((request: MessageRequest, requestNumber: number, gone: AbortSignal) => Reply | Promise<Reply>);

export type ScriptedModel = {
  /** `http://127.0.0.1:PORT`: the client's `baseURL`. */
  readonly url: string;
  /** Every valid request so far. One that the API would refuse gets its 4xx and takes no reply from the script. */
  readonly requests: { body: MessageRequest; raw: Buffer; headers: http.IncomingHttpHeaders }[];
  /** What went wrong with the script itself, such as a request after its last reply; a test expects it empty. */
  readonly faults: string[];
  close(): Promise<void>;
};

/** A Messages API server that plays a script, so that tests run the real client against real HTTP. */
export async function startScriptedModel(script: Script): Promise<ScriptedModel> {
  const requests: ScriptedModel['requests'] = [];
  const faults: string[] = [];

  function nextReply(
    request: MessageRequest,
    requestNumber: number,
    gone: AbortSignal,
  ): Reply | Promise<Reply> {
    if (typeof script === 'function') return script(request, requestNumber, gone);
    const reply = script[requestNumber - 1];
    if (typeof reply === 'function') return reply(request);
    return reply ?? outOfScript(`request ${requestNumber} came after the script's ${script.length} replies`);
  }

  function outOfScript(message: string): Reply {
    faults.push(message);
    // Without this header the client would try again, with pauses, what cannot succeed.
    return { status: 500, type: 'api_error', message, headers: { 'x-should-retry': 'false' } };
  }

  const server = await serveMessagesApi({
    access: 'anyone',
    name: 'scripted model',
    respond: async (body, { headers, raw, requestNumber, signal }) => {
      requests.push({ body, raw, headers });
      try {
        return await nextReply(body, requestNumber, signal);
      } catch (error) {
        return outOfScript(`the script threw at request ${requestNumber}: ${String(error)}`);
      }
    },
  });
  return { url: server.url, requests, faults, close: server.close };
}
