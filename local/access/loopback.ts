import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { type Access, doorkeeper, type Proof } from './access.ts';

/**
 * Every local endpoint listens here: on 127.0.0.1 only, and behind a guard, because every user of this machine and any web
 * page that the user visits can send requests to loopback. The first are told by the secret, or by whose their process is. A page cannot forge Host (DNS rebinding shows there), cannot hide Origin on a
 * cross-origin POST, and cannot send `application/json` without a preflight, which no endpoint answers.
 */
export type LoopbackServer = {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
};

export type LoopbackOptions = {
  /** What the endpoint is called in errors: `api`, `states`, `batch`, `dynamodb`, `github`, `model`. */
  name: string;
  /** 0 (the default) takes a free one. */
  port?: number;
  /** Who may call. */
  access: Access;
  /** How clients of this endpoint show the secret, where they do otherwise than by a header that has it. */
  proof?: (secret: string) => Proof;
  /** Origins of web pages that may call, such as the page that this product serves; none by default. */
  allowedOrigins?: readonly string[];
};

/** Longer than a client's own idle limit, so that no request meets a connection that was just closed. */
const KEEP_ALIVE_MS = 65_000;

const FORM_CONTENT_TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

/** What Node.js finds wrong with a request before there is one, and the status that says it; others are 400. */
const CLIENT_ERRORS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

export const PROBLEM_TYPE = 'application/problem+json';

/** A problem document (RFC 9457) of what an endpoint answers by itself. */
export function problemDocument(type: string, title: string, status: number, detail: string): string {
  return JSON.stringify({ type: `urn:cody-batch:problem:${type}`, title, status, detail });
}

/** All that a stranger is told. */
const SECRET_NEEDED = problemDocument(
  'secret-needed',
  'Secret needed',
  403,
  'This endpoint needs its secret, which its owner can read in the data folder.',
);

/** The reason to refuse a request, or undefined. */
function refusal(
  request: http.IncomingMessage,
  port: number,
  allowedOrigins: readonly string[],
): string | undefined {
  const { host, origin } = request.headers;
  const own = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!host || !own.includes(host)) return `Host ${JSON.stringify(host ?? '')} is not ${own.join(' or ')}`;
  if (
    origin !== undefined &&
    !own.some((name) => origin === `http://${name}`) &&
    !allowedOrigins.includes(origin)
  ) {
    return `Origin ${JSON.stringify(origin)} may not call this endpoint`;
  }
  const contentType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  // Other methods need a preflight, and fetch labels an empty body text/plain.
  const formLike = request.method === 'POST' && request.headers['content-length'] !== '0';
  if (formLike && contentType && FORM_CONTENT_TYPES.includes(contentType)) {
    return `Content-Type ${contentType} is what a web form can send; use the endpoint's own type`;
  }
  return undefined;
}

/**
 * Starts a listener, or a server that somebody else made with its listener, behind the guard. Throws what `listen`
 * throws (EADDRINUSE with the port in its message).
 */
export async function listenOnLoopback(
  served: http.RequestListener | http.Server,
  options: LoopbackOptions,
): Promise<LoopbackServer> {
  const { server, listener } =
    typeof served === 'function'
      ? {
          server: http.createServer({ requestTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS }),
          listener: served,
        }
      : takeListener(served);
  const answers = new WeakMap<object, http.ServerResponse>();
  const admits = doorkeeper(options.access, options.proof);
  const refuse = (request: http.IncomingMessage, response: http.ServerResponse, problem: string) => {
    response.writeHead(403, { 'content-type': PROBLEM_TYPE, connection: 'close' }).end(problem);
    request.resume();
  };
  const serve = (request: http.IncomingMessage, response: http.ServerResponse) => {
    const reason = refusal(request, port, options.allowedOrigins ?? []);
    if (!reason) return listener(request, response);
    const detail = `${options.name}: ${reason}.`;
    refuse(request, response, problemDocument('loopback-refused', 'Request refused', 403, detail));
  };
  server.on('request', (request, response) => {
    answers.set(request.socket, response);
    response.once('close', () => answers.delete(request.socket));
    const answer = (admitted: boolean) => {
      if (request.socket.destroyed) return;
      if (admitted) serve(request, response);
      else refuse(request, response, SECRET_NEEDED);
    };
    const admitted = admits(request);
    if (typeof admitted === 'boolean') answer(admitted);
    else void admitted.then(answer);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return socket.destroy();
    // The rest of a request that has its answer: another one would be taken for the next request's.
    const begun = answers.get(socket);
    if (begun?.headersSent) return socket.end();
    if (error.code === 'HPE_CLOSED_CONNECTION') {
      // The answer itself ends the connection, once it is there.
      if (!begun) socket.end();
      return;
    }
    const status = CLIENT_ERRORS[error.code ?? ''] ?? 400;
    const detail = `What came is not an HTTP request that can be read (${error.message}).`;
    const problem = problemDocument('not-http', http.STATUS_CODES[status]!, status, detail);
    socket.end(
      `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(problem)}\r\n\r\n${problem}`,
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function takeListener(server: http.Server): { server: http.Server; listener: http.RequestListener } {
  const [listener] = server.listeners('request') as http.RequestListener[];
  if (!listener) throw new TypeError('The server has no request listener to guard.');
  server.removeAllListeners('request');
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return { server, listener };
}

/** Throws EADDRINUSE where one of these ports is taken, before anything was started that would have to be undone. */
export async function requireFreePorts(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const probe = net.createServer();
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()));
    });
  }
}

/** Reads a request's body, at most `limit` bytes; undefined, without the rest of it, when it is longer or says so. */
export async function readBody(request: http.IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length']) > limit) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  // The answer goes through the same socket, so what is left unread must not end it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
