import { randomUUID } from 'node:crypto';
import type http from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import type { Functions } from './functions.ts';
import { type LoopbackServer, listenOnLoopback, readBody } from './loopback.ts';

/** What API Gateway takes: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html */
const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;

type ApiHandler = Functions['answerApi'];

/** API Gateway's HTTP API on loopback: requests become events of payload format 2.0 for the same handler as on AWS. */
export function startApi(handler: ApiHandler, options: { port?: number }): Promise<LoopbackServer> {
  return listenOnLoopback(
    (request, response) => {
      answer(handler, request, response).catch((error: Error) => {
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ message: 'Internal Server Error', detail: error.message }));
      });
    },
    { name: 'api', port: options.port },
  );
}

async function answer(
  handler: ApiHandler,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const body = await readBody(request, MAX_PAYLOAD_BYTES);
  if (!body) {
    response
      .writeHead(413, { 'content-type': 'application/json' })
      .end('{"message":"Request Entity Too Large"}');
    return;
  }
  const event = toEvent(request, body);
  if (!event) {
    response.writeHead(400, { 'content-type': 'application/json' }).end('{"message":"Bad Request"}');
    return;
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

/** Undefined where the path is not decodable. */
function toEvent(request: http.IncomingMessage, body: Buffer): APIGatewayProxyEventV2 | undefined {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  let rawPath: string;
  try {
    rawPath = decodeURIComponent(url.pathname);
  } catch {
    return undefined;
  }
  const query = Object.fromEntries(
    [...new Set(url.searchParams.keys())].map((key) => [key, url.searchParams.getAll(key).join(',')]),
  );
  const now = new Date();
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: url.search.slice(1),
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    ),
    ...(url.search && { queryStringParameters: query }),
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
