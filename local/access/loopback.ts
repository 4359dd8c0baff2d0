import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { type Access, doorkeeper, type Proof } from './access.ts';

/**
 * Every local endpoint listens here: on 127.0.0.1 only, and behind a guard, because all users of this machine and all web
 * pages that the user visits can send requests to loopback. Users are distinguished by the secret or by the owner of the
 * peer process. A page cannot forge Host (which reveals DNS rebinding), cannot hide Origin on a cross-origin POST, and
 * cannot send `application/json` without a preflight, which no endpoint answers.
 */
export type LoopbackServer = {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
};

export type LoopbackOptions = {
  /** The name of the endpoint in error messages: `api`, `states`, `batch`, `dynamodb`, `github`, `model`. */
  name: string;
  /** 0 (the default) takes a free port. */
  port?: number;
  /** Who may call. */
  access: Access;
  /** An additional form in which clients of this endpoint prove the secret, besides a header with the secret itself. */
  proof?: (secret: string) => Proof;
  /** Origins of web pages that may call, such as the page that this product serves; none by default. */
  allowedOrigins?: readonly string[];
};

/** Longer than a client's own idle limit, so that no request meets a connection that was just closed. */
const KEEP_ALIVE_MS = 65_000;
/**
 * A connection is closed this much later than clients are told. One whose event loop is late would otherwise send a request
 * on a connection that has just been closed, and could not know whether it was served.
 */
const KEEP_ALIVE_BUFFER_MS = 120_000;

const FORM_CONTENT_TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

/** The status for errors that Node.js finds before it has parsed a request. Others are 400. */
const CLIENT_ERRORS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

export const PROBLEM_TYPE = 'application/problem+json';

/** A problem document (RFC 9457) of an answer that comes from the guard and not from the endpoint. */
export function problemDocument(type: string, title: string, status: number, detail: string): string {
  return JSON.stringify({ type: `urn:cody-batch:problem:${type}`, title, status, detail });
}

/** The only answer to a request that is not admitted. */
const SECRET_NEEDED = problemDocument(
  'secret-needed',
  'Secret needed',
  403,
  'This endpoint needs its secret, which its owner can read in the data folder.',
);

/** Returns the reason to refuse a request, or undefined. */
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
 * Starts a listener, or a server that a library made with its listener, behind the guard. Throws the error of `listen`
 * (EADDRINUSE has the port in its message).
 */
export async function listenOnLoopback(
  served: http.RequestListener | http.Server,
  options: LoopbackOptions,
): Promise<LoopbackServer> {
  const { server, listener } =
    typeof served === 'function'
      ? {
          server: http.createServer({ requestTimeout: 0 }),
          listener: served,
        }
      : takeListener(served);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.keepAliveTimeoutBuffer = KEEP_ALIVE_BUFFER_MS;
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
    // This request already has its answer. A second one would be taken as the answer to the next request.
    const begun = answers.get(socket);
    if (begun?.headersSent) return socket.end();
    if (error.code === 'HPE_CLOSED_CONNECTION') {
      // If an answer has begun, it closes the connection itself.
      if (!begun) socket.end();
      return;
    }
    const status = CLIENT_ERRORS[error.code ?? ''] ?? 400;
    const detail = `The request is not valid HTTP (${error.message}).`;
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
  return { server, listener };
}

/** Throws EADDRINUSE if one of these ports is taken, before anything has started. */
export async function requireFreePorts(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const probe = net.createServer();
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()));
    });
  }
}

/** Reads at most `limit` bytes of a request's body. Returns undefined if the body or its content-length is longer. */
export async function readBody(request: http.IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length']) > limit) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  // The answer needs the same socket, so leaving the loop must not destroy it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
