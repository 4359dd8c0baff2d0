import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { z } from 'zod';
import { CodyBatchError, InvalidInputError } from '../../core/errors.ts';

/** One field that does not fit: what was received there and what would have been. */
export type FieldFault = { field: string; received?: unknown; expected: string };

/** A problem document (RFC 9457). `type` is stable; `errors` is ours. Never a stack, never a secret. */
export type Problem = { type: string; title: string; status: number; detail: string; errors?: FieldFault[] };

/** An error that only HTTP knows: a wrong method, a body that is too long. */
export class HttpError extends CodyBatchError {
  override readonly name = 'HttpError';
  override readonly statusCode: number;
  readonly headers: Record<string, string>;

  constructor(statusCode: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.statusCode = statusCode;
    this.headers = headers;
  }
}

/** The input of a route does not fit its schema, in one place or several. */
export class RouteInputError extends InvalidInputError {
  readonly faults: FieldFault[];

  constructor(faults: FieldFault[]) {
    super(faults.map(({ field, expected }) => `${shorten(field)}: ${expected}`).join('; '));
    this.faults = faults;
  }
}

/** Problem types by status. Clients match `urn:cody-batch:problem:{type}`, so a type never changes; a title may. */
const PROBLEMS: Readonly<Record<number, { type: string; title: string }>> = {
  400: { type: 'the-request-does-not-fit', title: 'Invalid request' },
  401: { type: 'not-signed-in', title: 'Not signed in' },
  403: { type: 'not-allowed', title: 'Not allowed' },
  404: { type: 'not-found', title: 'Not found' },
  405: { type: 'method-not-allowed', title: 'Method not allowed' },
  406: { type: 'answer-too-long', title: 'Response too large' },
  409: { type: 'not-in-this-state', title: 'Conflict with the current state' },
  410: { type: 'deleted', title: 'Deleted' },
  413: { type: 'body-too-long', title: 'Request body too large' },
  415: { type: 'unsupported-media-type', title: 'Unsupported media type' },
  500: { type: 'internal', title: 'Internal error' },
};

export function problemResponse(error: unknown): APIGatewayProxyStructuredResultV2 {
  const problem = problemOf(error);
  return {
    statusCode: problem.status,
    headers: { 'content-type': 'application/problem+json', ...(error instanceof HttpError && error.headers) },
    body: JSON.stringify(problem),
  };
}

function problemOf(error: unknown): Problem {
  if (!(error instanceof CodyBatchError) || error.statusCode >= 500) {
    const detail =
      "The server failed while it handled this request; the request itself may be valid. The function's log has the reason under the request ID.";
    return { ...typeOf(500), status: 500, detail };
  }
  return {
    ...typeOf(error.statusCode),
    status: error.statusCode,
    detail: error.message,
    ...faultsOf(error),
  };
}

function typeOf(status: number): Pick<Problem, 'type' | 'title'> {
  const { type, title } = PROBLEMS[status] ?? { type: 'refused', title: 'Refused' };
  return { type: `urn:cody-batch:problem:${type}`, title };
}

function faultsOf(error: CodyBatchError): { errors?: FieldFault[] } {
  if (error instanceof RouteInputError) return { errors: error.faults };
  if (error.field === undefined) return {};
  return {
    errors: [
      { field: error.field, received: shorten(error.received), expected: error.expected ?? error.message },
    ],
  };
}

/** A body of 1 MiB can have 300,000 faults. */
const MOST_FAULTS = 20;

/** What zod found, with the value that was received at each place; the first of very many. */
export function faultsOfZod(error: z.ZodError, input: unknown, prefix = ''): FieldFault[] {
  const faults = error.issues.slice(0, MOST_FAULTS).flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.slice(0, MOST_FAULTS).map((key) => ({
        field: shorten(join(prefix, [...path, key])),
        received: shorten(valueAt(input, [...path, key])),
        expected: hintFor(key) ?? 'no such field; remove it',
      }));
    }
    return [
      {
        field: join(prefix, path) || 'body',
        received: shorten(valueAt(input, path)),
        expected: issue.message,
      },
    ];
  });
  return faults.slice(0, MOST_FAULTS);
}

/** Parameters that users of older models still send, and what to say instead. */
function hintFor(key: string): string | undefined {
  if (['temperature', 'top_p', 'top_k', 'topP', 'topK'].includes(key))
    return 'current models refuse it; use settings.effort (low … max)';
  return undefined;
}

function join(prefix: string, path: string[]): string {
  return [prefix, ...path].filter(Boolean).join('.');
}

function valueAt(input: unknown, path: string[]): unknown {
  let value = input;
  for (const key of path) value = (value as Record<string, unknown> | undefined)?.[key];
  return value;
}

/** Enough of a value to recognise it. */
export function shorten(value: string): string;
export function shorten(value: unknown): unknown;
export function shorten(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text !== undefined && text.length > 200 ? `${text.slice(0, 199)}…` : value;
}
