import type http from 'node:http';
import type { Message } from '@anthropic-ai/sdk/resources/messages';
import type { ModelInfo } from '@anthropic-ai/sdk/resources/models';
import type { Access } from '../access/access.ts';
import { type LoopbackServer, listenOnLoopback, readBody } from '../access/loopback.ts';
import type { MessageRequest } from './conversation.ts';
import { messageEvents } from './message-events.ts';
import { type Admission, PromptCache } from './prompt-cache.ts';
import { type Failure, messageOf, newId, type Reply } from './reply.ts';
import { MAX_OUTPUT_TOKENS, requestRefusal } from './request-rules.ts';

/** The Messages API's own limit on a request (errors reference, 413). */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

const CONTEXT_WINDOW_TOKENS = 1_000_000;

export type RequestContext = {
  headers: http.IncomingHttpHeaders;
  /** The exact bytes of the body. */
  raw: Buffer;
  /** Aborts when the client closes the connection. */
  signal: AbortSignal;
  /** The number of this valid request, from 1. */
  requestNumber: number;
};

export type MessagesApiOptions = {
  /** The endpoint's name in refusals. */
  name: string;
  /** 0 (the default) takes a free port. */
  port?: number;
  /** Who may call. */
  access: Access;
  /** @default every model id is served and none is listed */
  models?: {
    ids: readonly string[];
    /** The message of the 404 for another id. */
    absent: (id: string) => string;
  };
  respond: (request: MessageRequest, context: RequestContext) => Promise<Reply> | Reply;
};

/**
 * The Messages API on loopback: POST /v1/messages (streamed or whole), GET /v1/models and GET
 * /v1/models/{id}, in the wire format of `@anthropic-ai/sdk`. `respond` gets only requests that current
 * models accept; an error that it throws becomes a 500 `api_error`.
 */
export function serveMessagesApi(options: MessagesApiOptions): Promise<LoopbackServer> {
  const cache = new PromptCache();
  let requestNumber = 0;

  async function route(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const refusal = headerRefusal(request.headers);
    if (refusal) return fail(response, refusal);
    const { pathname } = new URL(request.url ?? '/', 'http://loopback');
    const modelId = /^\/v1\/models\/([^/]+)$/.exec(pathname)?.[1];
    switch (`${request.method} ${modelId ? '/v1/models/{id}' : pathname}`) {
      case 'POST /v1/messages':
        return createMessage(request, response);
      case 'GET /v1/models':
        return listModels(response);
      case 'GET /v1/models/{id}':
        return retrieveModel(response, modelId!);
    }
    fail(response, notFound(`${request.method} ${pathname} is not served here`));
  }

  async function createMessage(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await readBody(request, MAX_BODY_BYTES);
    if (!body) {
      const message = `The request body exceeds ${MAX_BODY_BYTES} bytes`;
      return fail(response, { status: 413, type: 'invalid_request_error', message });
    }
    const parsed = parseJson(body);
    if ('reason' in parsed) return fail(response, invalidRequest(parsed.reason));
    const refusal = requestRefusal(parsed.value);
    if (refusal) return fail(response, invalidRequest(refusal));
    const message = parsed.value as MessageRequest;
    if (!serves(message.model)) return fail(response, notFound(options.models!.absent(message.model)));

    const abort = new AbortController();
    response.once('close', () => abort.abort());
    requestNumber += 1;
    const context = { headers: request.headers, raw: body, signal: abort.signal, requestNumber };
    const admission = cache.admit(message);
    await send(response, message, await options.respond(message, context), admission);
  }

  async function send(
    response: http.ServerResponse,
    request: MessageRequest,
    reply: Reply,
    admission: Admission,
  ): Promise<void> {
    // Sends nothing; the connection stays open until the client or the server closes it.
    if ('stall' in reply) return;
    if ('status' in reply) return fail(response, reply);
    const message = messageOf(reply, request, admission.usage);
    if ('fault' in reply) {
      const { afterEvents, fault } = reply;
      if (request.stream && afterEvents > 0) {
        admission.answered();
        await stream(response, message, afterEvents);
      }
      if (fault === 'drop') response.destroy();
      else if (fault !== 'stall') response.end(fault === 'end' ? '' : fault.text);
      return;
    }
    admission.answered();
    if (request.stream) {
      await stream(response, message);
      response.end();
    } else {
      sendJson(response, 200, message);
    }
  }

  async function stream(
    response: http.ServerResponse,
    message: Message,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
    });
    let sent = 0;
    for (const event of messageEvents(message)) {
      if (sent++ === limit || response.closed) return;
      const line = `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
      // Waits until the event has left the process, so that a drop comes after exactly this many events.
      await new Promise<void>((resolve) => response.write(line, () => resolve()));
    }
  }

  function serves(id: string): boolean {
    return options.models?.ids.includes(id) ?? true;
  }

  function listModels(response: http.ServerResponse): void {
    const data = (options.models?.ids ?? []).map(modelInfo);
    sendJson(response, 200, {
      data,
      has_more: false,
      first_id: data.at(0)?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
    });
  }

  function retrieveModel(response: http.ServerResponse, id: string): void {
    if (serves(id)) sendJson(response, 200, modelInfo(id));
    else fail(response, notFound(options.models!.absent(id)));
  }

  return listenOnLoopback((request, response) => {
    response.setHeader('request-id', newId('req'));
    route(request, response).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      if (response.headersSent) response.destroy();
      else fail(response, { status: 500, type: 'api_error', message });
    });
  }, options);
}

function headerRefusal(headers: http.IncomingHttpHeaders): Failure | undefined {
  if (!headers['x-api-key'] && !headers.authorization) {
    const message = 'x-api-key header is required (or authorization); any value is accepted here';
    return { status: 401, type: 'authentication_error', message };
  }
  return headers['anthropic-version'] ? undefined : invalidRequest('anthropic-version: header is required');
}

function parseJson(body: Buffer): { value: unknown } | { reason: string } {
  try {
    return { value: JSON.parse(body.toString('utf8')) };
  } catch (error) {
    return { reason: `The request body is not valid JSON: ${(error as Error).message}` };
  }
}

function invalidRequest(message: string): Failure {
  return { status: 400, type: 'invalid_request_error', message };
}

function notFound(message: string): Failure {
  return { status: 404, type: 'not_found_error', message };
}

function fail(response: http.ServerResponse, { status, type, message, headers }: Failure): void {
  const request_id = response.getHeader('request-id');
  sendJson(response, status, { type: 'error', error: { type, message }, request_id }, headers);
}

function sendJson(
  response: http.ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function modelInfo(id: string): ModelInfo {
  return {
    id,
    type: 'model',
    display_name: id,
    created_at: '1970-01-01T00:00:00Z',
    lifecycle: 'active',
    deprecated_at: null,
    retires_at: null,
    line: null,
    max_input_tokens: CONTEXT_WINDOW_TOKENS,
    max_tokens: MAX_OUTPUT_TOKENS,
    capabilities: null,
  };
}
