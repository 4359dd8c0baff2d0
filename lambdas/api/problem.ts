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

const TITLES: Record<number, string> = {
  400: 'The request does not fit',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  406: 'Answer too long',
  409: 'Not in this state',
  410: 'Deleted',
  413: 'Body too long',
  415: 'Unsupported media type',
  422: 'The request does not fit',
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
    return {
      type: 'urn:cody-batch:problem:internal',
      title: 'Internal error',
      status: 500,
      detail:
        "The request failed here, not in what was asked. The function's log has the reason, under the request's id.",
    };
  }
  const title = TITLES[error.statusCode] ?? 'Refused';
  return {
    type: `urn:cody-batch:problem:${title.toLowerCase().replace(/ /g, '-')}`,
    title,
    status: error.statusCode,
    detail: error.message,
    ...faultsOf(error),
  };
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
