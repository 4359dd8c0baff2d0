import { gzipSync } from 'node:zlib';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { z } from 'zod';
import type { RepositoryAccess } from '../../core/repository-access.ts';
import type { Role } from '../../core/roles.ts';
import type { Context } from '../context.ts';
import { accessOf, callerOf, callerRoles } from './authorization.ts';
import { etagOf, matches } from './etag.ts';
import { faultsOfZod, HttpError, RouteInputError } from './problem.ts';
import { requireAccess, requireAll } from './require-access.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import type { Viewer } from './visible-job.ts';

/** API Gateway allows 10 MB; a job with 10,000 names and a long prompt is below 1 MiB. */
const MAX_BODY_BYTES = 1024 * 1024;

export type RouteInput<P, Q, B> = {
  params: P;
  query: Q;
  body: B;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  createdBy: string | undefined;
  /** The roles of the caller, each with those that it includes. */
  roles: readonly Role[];
  /** Which repositories the caller may touch. */
  access: RepositoryAccess;
};

/** A value that is answered as JSON, bytes as they are, or nothing. */
export type RouteOutput = {
  headers?: Record<string, string>;
  /** The name of a long answer's download: letters, digits and `._-`. */
  fileName?: string;
} & (
  | { status: 204 | 303 }
  | { status?: number; json: unknown }
  | { status?: number; bytes: Uint8Array; contentType: string }
);

/** The body of one status: JSON of this shape, bytes of this content type, or no body. */
export type ResponseBody = z.ZodType | { bytes: string } | 'none';

/** What a route says of itself; lambdas/api/openapi.ts makes the OpenAPI document of it. */
export type RouteDescription = {
  /** Who may call it. */
  role: Role | 'open';
  /** One line, for people. */
  summary: string;
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  /** Whether it takes an `Idempotency-Key`; false if absent. */
  isIdempotent?: boolean;
  /**
   * Whether it leaves out by itself what the caller may not touch; false if absent. Else `route` refuses a caller who may not
   * touch every repository that the path is about, so that a new route shows nothing that is hidden.
   */
  isFiltered?: boolean;
  /** Whether its 200 has an ETag, and is 304 for a caller that has it already; false if absent. */
  hasETag?: boolean;
  /** Whether a 200 of more than 4 MiB is a 303 to a signed URL of the same bytes; false if absent. The path has a jobId. */
  mayBeSigned?: boolean;
  /** The answers that are not problems, by status. */
  responses: Readonly<Record<number, ResponseBody>>;
  /** Statuses of problems beyond those that follow from the role, the path and the body; none if absent. */
  problems?: readonly number[];
};

/** A route as callers see it, whichever function answers it. */
export type DescribedRoute = RouteDescription & {
  method: 'GET' | 'POST' | 'DELETE';
  /** Segments `{name}` become params. */
  path: string;
};

export type Route = DescribedRoute & {
  answer(
    event: APIGatewayProxyEventV2,
    params: Record<string, string>,
    context: Context,
  ): Promise<RouteOutput>;
};

const NOTHING = z.strictObject({});

/**
 * A route: what it says of itself, and a plain function of what its schemas parsed. A body may be left out if its schema
 * is optional.
 */
export const route = routesThatRequire(requireAccess);

/** A route that is about all repositories, so that it reads no job to know whether the caller may touch them. */
export const routeOfAll = routesThatRequire((_, viewer) => requireAll(viewer));

function routesThatRequire(
  require: (params: unknown, viewer: Viewer, context: Context) => Promise<void> | void,
) {
  return <
    P extends z.ZodType = typeof NOTHING,
    Q extends z.ZodType = typeof NOTHING,
    B extends z.ZodType = z.ZodUndefined,
  >(
    method: Route['method'],
    path: string,
    options: RouteDescription & { params?: P; query?: Q; body?: B },
    run: (input: RouteInput<z.infer<P>, z.infer<Q>, z.infer<B>>, context: Context) => Promise<RouteOutput>,
  ): Route => ({
    method,
    path,
    ...options,
    answer: async (event, rawParams, context) => {
      const params = parse(options.params ?? NOTHING, rawParams, 'path');
      const [createdBy, access] = [callerOf(event), accessOf(event, context.settings)];
      if (options.role !== 'open' && !options.isFiltered)
        await require(params, { access, createdBy }, context);
      const query = parse(options.query ?? NOTHING, event.queryStringParameters ?? {}, 'query');
      const absent = !event.body && options.body?.isOptional();
      const body = options.body && !absent ? parse(options.body, readJson(event), '') : undefined;
      const input = {
        ...{ params, query, body, headers: event.headers, createdBy, access },
        roles: callerRoles(event, context.settings),
      } as RouteInput<z.infer<P>, z.infer<Q>, z.infer<B>>;
      return run(input, context);
    },
  });
}

/** Lambda's limit of a response, in which quotes and line ends of the body count twice. */
const MAX_ANSWER_BYTES = 6_000_000;
/** Below about one network packet, gzip saves nothing. */
const MIN_GZIP_BYTES = 1024;

export type Headers = Readonly<Record<string, string | undefined>>;

/** The bytes of an answer's body and their type; undefined if it has none. */
export function bodyOf(output: RouteOutput): { bytes: Buffer; contentType: string } | undefined {
  if ('json' in output)
    return { bytes: Buffer.from(JSON.stringify(output.json)), contentType: 'application/json' };
  if ('bytes' in output) return { bytes: Buffer.from(output.bytes), contentType: output.contentType };
  return undefined;
}

/**
 * The answer for API Gateway: 304 if the caller has it already, compressed if it is long and the caller takes gzip. Throws
 * a 406 if it is too long even so.
 */
export function toResponse(
  output: RouteOutput,
  headers: Headers = {},
  { hasETag = false }: Pick<RouteDescription, 'hasETag'> = {},
): APIGatewayProxyStructuredResultV2 {
  const { status: statusCode = 200 } = output;
  const common = { ...SECURITY_HEADERS, ...output.headers };
  const body = bodyOf(output);
  if (!body) return { statusCode, headers: common };
  const { bytes, contentType } = body;
  const etag = hasETag && statusCode === 200 ? etagOf(bytes) : undefined;
  const cacheHeaders = etag && {
    etag,
    'cache-control': output.headers?.['cache-control'] ?? 'private, no-cache',
    vary: 'accept-encoding',
  };
  if (etag && matches(headers['if-none-match'], etag)) {
    return { statusCode: 304, headers: { ...common, ...cacheHeaders } };
  }
  const response = {
    statusCode,
    headers: {
      'content-type': contentType,
      ...common,
      ...cacheHeaders,
    },
    ...('json' in output
      ? { body: bytes.toString('utf8') }
      : // A patch need not be UTF-8: base64 is how bytes pass through API Gateway unchanged.
        { body: bytes.toString('base64'), isBase64Encoded: true }),
  };
  const shorter = compressed(response, bytes, headers);
  if (fits(shorter)) return shorter;
  throw new HttpError(
    406,
    `The response has ${bytes.length} bytes, which is above the limit of ${MAX_ANSWER_BYTES} bytes. Send "Accept-Encoding: gzip", ask for less (limit, view=standard), or read the job's artifacts from the bucket.`,
  );
}

function fits(response: APIGatewayProxyStructuredResultV2): boolean {
  // A character takes at most 6 bytes in JSON.
  return (
    response.body!.length * 6 < MAX_ANSWER_BYTES ||
    Buffer.byteLength(JSON.stringify(response)) < MAX_ANSWER_BYTES
  );
}

/** The same answer, compressed if it is long and the caller takes gzip. `bytes` is its body. */
export function compressed(
  response: APIGatewayProxyStructuredResultV2,
  bytes: Uint8Array,
  requestHeaders: Headers,
): APIGatewayProxyStructuredResultV2 {
  if (bytes.length < MIN_GZIP_BYTES) return response;
  const headers = { ...response.headers, vary: 'accept-encoding' };
  if (!takesGzip(requestHeaders)) return { ...response, headers };
  return {
    ...response,
    headers: { ...headers, 'content-encoding': 'gzip' },
    body: gzipSync(bytes).toString('base64'),
    isBase64Encoded: true,
  };
}

export function takesGzip({ 'accept-encoding': accepted = '' }: Headers): boolean {
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*,|\s*$))/i.test(accepted);
}

function parse<S extends z.ZodType>(schema: S, value: unknown, prefix: string): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const isOfShape = parsed.error.issues.some(({ code }) => code !== 'custom');
  throw new RouteInputError(faultsOfZod(parsed.error, value, prefix), isOfShape);
}

function readJson(event: APIGatewayProxyEventV2): unknown {
  const contentType = event.headers['content-type'] ?? '';
  if (!/^application\/json\b/i.test(contentType)) {
    throw new HttpError(
      415,
      `The body's Content-Type is ${JSON.stringify(contentType)}. Send application/json.`,
    );
  }
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (body.length > MAX_BODY_BYTES) {
    throw new HttpError(413, `The body has ${body.length} bytes; at most ${MAX_BODY_BYTES} are allowed.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new HttpError(400, `The body is not JSON: ${(error as Error).message}. Send one JSON object.`);
  }
  requireStorable(value);
  return value;
}

/** Bodies of this API nest 4 levels at most; much deeper ones overflow the stack of recursive code. */
const MAX_DEPTH = 32;

/** Checks what schemas cannot: that all text can be stored as UTF-8, and that the nesting is bounded. */
function requireStorable(value: unknown, depth = 0): void {
  if (depth > MAX_DEPTH) {
    throw new HttpError(
      400,
      `The body is nested deeper than ${MAX_DEPTH} levels. Send one JSON object as documented.`,
    );
  }
  if (typeof value === 'string' && !value.isWellFormed()) {
    throw new HttpError(
      400,
      `The body has a lone surrogate (such as \\ud800) in ${JSON.stringify(value.slice(0, 40))}. Send valid Unicode text.`,
    );
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    requireStorable(key, depth);
    requireStorable(child, depth + 1);
  }
}
