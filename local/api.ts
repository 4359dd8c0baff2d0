import { randomUUID } from 'node:crypto';
import type http from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { type Access, SECRET_HEADER } from './access/access.ts';
import {
  type LoopbackServer,
  listenOnLoopback,
  PROBLEM_TYPE,
  problemDocument,
  readBody,
} from './access/loopback.ts';
import { browserProof, signInHeaders, signsIn } from './access/sign-in.ts';
import { sendDownload } from './downloads.ts';
import type { Functions } from './functions.ts';
import { openPage } from './page.ts';

/** The limit of API Gateway: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;

type ApiHandler = Functions['answerApi'];

/** Serves API Gateway's HTTP API on loopback: the handler of AWS gets requests as events of payload format 2.0. */
export function startApi(
  handler: ApiHandler,
  options: {
    port?: number;
    access: Access;
    onRequest?: (line: string) => void;
    page?: string;
    /** The artifacts that signed URLs are about, and the key that signs them. */
    downloads?: { folder: string; signingKey: string };
  },
): Promise<LoopbackServer> {
  const { access } = options;
  const servesPage = options.page ? openPage(options.page, { environment: 'local' }) : undefined;
  return listenOnLoopback(
    (request, response) => {
      if (options.onRequest) reportEnd(request, response, options.onRequest);
      if (access !== 'anyone' && signsIn(request, access.secret)) {
        response.writeHead(303, signInHeaders(access.secret)).end();
        return;
      }
      if (servesPage?.(request, response)) return;
      if (options.downloads && sendDownload(options.downloads, request, response)) return;
      answer(handler, request, response).catch((error: Error) => {
        if (response.headersSent) response.destroy();
        else refuse(response, 500, 'internal', 'Internal error', error.message);
      });
    },
    { name: 'api', port: options.port, access, proof: browserProof },
  );
}

/** Reports a request when its answer has been sent. The query may have a secret, so it is left out. */
function reportEnd(
  { method, url = '' }: http.IncomingMessage,
  response: http.ServerResponse,
  report: (line: string) => void,
): void {
  const started = performance.now();
  response.once('close', () => {
    report(
      `${method} ${url.split('?')[0]} ${response.statusCode} ${Math.round(performance.now() - started)} ms`,
    );
  });
}

async function answer(
  handler: ApiHandler,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const body = await readBody(request, MAX_PAYLOAD_BYTES);
  if (!body) {
    const detail = `The body is longer than ${MAX_PAYLOAD_BYTES} bytes.`;
    return refuse(response, 413, 'body-too-long', 'Request body too large', detail);
  }
  const event = toEvent(request, body);
  if (!event) {
    const detail = 'The path cannot be decoded. Write %25 for a percent sign.';
    return refuse(response, 400, 'the-request-does-not-fit', 'Invalid request', detail);
  }
  const result = await handler(event);
  const bytes = Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8');
  response
    .writeHead(result.statusCode ?? 200, {
      ...(result.headers as http.OutgoingHttpHeaders),
      ...(result.body !== undefined && { 'content-length': bytes.length }),
    })
    .end(bytes);
}

/** Answers without the handler. Closes the connection, because a part of the request may be unread. */
function refuse(
  response: http.ServerResponse,
  status: number,
  type: string,
  title: string,
  detail: string,
): void {
  response
    .writeHead(status, { 'content-type': PROBLEM_TYPE, connection: 'close' })
    .end(problemDocument(type, title, status, detail));
}

/** Headers that may have the secret. The functions do not need it, and could log it. */
const SECRET_HEADERS = [SECRET_HEADER, 'authorization', 'cookie', 'x-api-key'];

/** Returns undefined if the path cannot be decoded. */
function toEvent(request: http.IncomingMessage, body: Buffer): APIGatewayProxyEventV2 | undefined {
  // Not by `new URL`, which takes `//` and `/\\` as the start of a host. A request through a proxy has a host too.
  const target = (request.url ?? '/').replace(/^https?:\/\/[^/?]*/i, '');
  const [, path = '', rawQueryString = ''] = /^([^?]*)\??(.*)$/s.exec(target)!;
  let rawPath: string;
  try {
    rawPath = decodeURIComponent(path || '/');
  } catch {
    return undefined;
  }
  const parameters = new URLSearchParams(rawQueryString);
  const query = Object.fromEntries(
    [...new Set(parameters.keys())].map((key) => [key, parameters.getAll(key).join(',')]),
  );
  const now = new Date();
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    headers: Object.fromEntries(
      Object.entries(request.headers)
        .filter(([name]) => !SECRET_HEADERS.includes(name))
        .map(([name, value]) => [name, String(value)]),
    ),
    ...(rawQueryString && { queryStringParameters: query }),
    requestContext: {
      accountId: 'local',
      apiId: 'local',
      domainName: request.headers.host ?? '',
      domainPrefix: 'local',
      http: {
        method: request.method ?? 'GET',
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: request.socket.remoteAddress ?? '',
        userAgent: request.headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    ...(body.length > 0 && { body: body.toString('utf8') }),
    isBase64Encoded: false,
  };
}
