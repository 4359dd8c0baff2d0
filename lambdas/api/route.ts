import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { z } from 'zod';
import type { Role } from '../../core/roles.ts';
import type { Storage } from '../storage.ts';
import { callerOf } from './authorization.ts';
import { faultsOfZod, HttpError, RouteInputError } from './problem.ts';

/** API Gateway takes 10 MB; a job of 10,000 names and a long prompt is under 1 MiB. */
const MAX_BODY_BYTES = 1024 * 1024;

export type RouteInput<P, Q, B> = {
  params: P;
  query: Q;
  body: B;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  createdBy: string | undefined;
};

/** A value that is answered as JSON, bytes as they are, or nothing. */
export type RouteOutput =
  | { status: 204; headers?: Record<string, string> }
  | { status?: number; headers?: Record<string, string>; json: unknown }
  | { status?: number; headers?: Record<string, string>; bytes: Uint8Array; contentType: string };

export type Route = {
  method: 'GET' | 'POST' | 'DELETE';
  /** Segments `{name}` become params. */
  path: string;
  /** Who may call it. */
  role: Role | 'open';
  answer(
    event: APIGatewayProxyEventV2,
    params: Record<string, string>,
    storage: Storage,
  ): Promise<RouteOutput>;
};

const NOTHING = z.strictObject({});

/**
 * A route: who may call it, its schemas, and a plain function of what they parsed. A body may be left out where its schema
 * is optional.
 */
export function route<
  P extends z.ZodType = typeof NOTHING,
  Q extends z.ZodType = typeof NOTHING,
  B extends z.ZodType = z.ZodUndefined,
>(
  method: Route['method'],
  path: string,
  options: { role: Route['role']; params?: P; query?: Q; body?: B },
  run: (input: RouteInput<z.infer<P>, z.infer<Q>, z.infer<B>>, storage: Storage) => Promise<RouteOutput>,
): Route {
  return {
    method,
    path,
    role: options.role,
    answer: async (event, rawParams, storage) => {
      const params = parse(options.params ?? NOTHING, rawParams, 'path');
      const query = parse(options.query ?? NOTHING, event.queryStringParameters ?? {}, 'query');
      const absent = !event.body && options.body?.isOptional();
      const body = options.body && !absent ? parse(options.body, readJson(event), '') : undefined;
      const input = { params, query, body, headers: event.headers, createdBy: callerOf(event) } as RouteInput<
        z.infer<P>,
        z.infer<Q>,
        z.infer<B>
      >;
      return run(input, storage);
    },
  };
}

export function toResponse(output: RouteOutput): APIGatewayProxyStructuredResultV2 {
  const { status: statusCode = 200, headers } = output;
  const common = { 'x-content-type-options': 'nosniff', ...headers };
  if ('json' in output) {
    return {
      statusCode,
      headers: { 'content-type': 'application/json', ...common },
      body: JSON.stringify(output.json),
    };
  }
  if (!('bytes' in output)) return { statusCode, headers: common };
  // A patch need not be UTF-8: base64 is how bytes pass through API Gateway unchanged.
  return {
    statusCode,
    headers: { 'content-type': output.contentType, ...common },
    body: Buffer.from(output.bytes).toString('base64'),
    isBase64Encoded: true,
  };
}

function parse<S extends z.ZodType>(schema: S, value: unknown, prefix: string): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RouteInputError(faultsOfZod(parsed.error, value, prefix));
}

function readJson(event: APIGatewayProxyEventV2): unknown {
  const contentType = event.headers['content-type'] ?? '';
  if (!/^application\/json\b/i.test(contentType)) {
    throw new HttpError(
      415,
      `The body's Content-Type is ${JSON.stringify(contentType)}; send application/json.`,
    );
  }
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (body.length > MAX_BODY_BYTES) {
    throw new HttpError(413, `The body has ${body.length} bytes; at most ${MAX_BODY_BYTES} are read.`);
  }
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new HttpError(400, `The body is not JSON: ${(error as Error).message}. Send one JSON object.`);
  }
}
