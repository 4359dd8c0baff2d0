import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { z } from 'zod';
import { CodyBatchError, InvalidInputError, OutdatedReviewError } from '../../core/errors.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { StillRunningError } from './still-running.ts';
import { retryAfterOf } from './unavailable.ts';

/** An invalid field, with the received and the expected value. */
export type FieldFault = { field: string; received?: unknown; expected: string };

/** A problem document (RFC 9457) with `errors` as an extension. Never contains a stack trace or a secret. */
export type Problem = { type: string; title: string; status: number; detail: string; errors?: FieldFault[] };

/** An error of HTTP itself, such as a wrong method or a body that is too large. */
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

/** The environment has no such service: 409. */
export class NotAvailableHereError extends CodyBatchError {
  override readonly name = 'NotAvailableHereError';
  override readonly statusCode = 409;
}

/** The input of a route does not match its schema, in one or more fields. */
export class RouteInputError extends InvalidInputError {
  readonly faults: FieldFault[];
  /** False if the schema's shape fits, and only a check beyond it does not. */
  readonly isOfShape: boolean;

  constructor(faults: FieldFault[], isOfShape = true) {
    super(faults.map(({ field, expected }) => `${shorten(field)}: ${expected}`).join('; '));
    this.faults = faults;
    this.isOfShape = isOfShape;
  }
}

export const PROBLEM_TYPE_PREFIX = 'urn:cody-batch:problem:';

type ProblemType = { status: number; type: string; title: string; when: string };

/** The first of a status is the one that an error without a type of its own has. Clients match the type, so it never changes; a title may. */
export const PROBLEMS: readonly ProblemType[] = [
  {
    status: 400,
    type: 'the-request-does-not-fit',
    title: 'Invalid request',
    when: 'A field is not valid; `errors` names each, what was received and what is expected.',
  },
  {
    status: 400,
    type: 'value-not-accepted',
    title: 'Value not accepted',
    when: 'The request is well formed, and a value of it is not accepted: a repository that `ALLOWED_REPOSITORIES` does not admit, an amount above its ceiling, a cursor that this API did not make.',
  },
  {
    status: 400,
    type: 'not-http',
    title: 'Bad Request',
    when: 'On one machine only: what came cannot be read as HTTP.',
  },
  {
    status: 401,
    type: 'not-signed-in',
    title: 'Not signed in',
    when: 'No verified token came with the request.',
  },
  {
    status: 403,
    type: 'not-allowed',
    title: 'Not allowed',
    when: "The token's roles or groups do not allow it; `detail` names what is needed and what the token has.",
  },
  {
    status: 403,
    type: 'secret-needed',
    title: 'Secret needed',
    when: "On one machine only: the request came neither from a process of yours nor with the data folder's secret.",
  },
  {
    status: 403,
    type: 'loopback-refused',
    title: 'Request refused',
    when: 'On one machine only: a web page of another site may have sent the request.',
  },
  { status: 404, type: 'not-found', title: 'Not found', when: 'No such route, job, repository or artifact.' },
  {
    status: 405,
    type: 'method-not-allowed',
    title: 'Method not allowed',
    when: '`allow` lists the methods.',
  },
  {
    status: 406,
    type: 'answer-too-long',
    title: 'Response too large',
    when: 'The answer has more than 6 MB; send `Accept-Encoding: gzip`, or ask for less.',
  },
  {
    status: 409,
    type: 'not-in-this-state',
    title: 'Conflict with the current state',
    when: 'For example, a job that has ended is cancelled, or an `Idempotency-Key` comes with another body.',
  },
  {
    status: 409,
    type: 'review-is-outdated',
    title: 'The changes are no longer those that were seen',
    when: 'A decision was about changes of which one has another patch by now, or which others have joined; read the rows again.',
  },
  {
    status: 409,
    type: 'not-available-here',
    title: 'Not available in this environment',
    when: 'For example, a backup on one machine; `detail` says what to do in its place.',
  },
  {
    status: 410,
    type: 'deleted',
    title: 'Deleted',
    when: 'The job of this `Idempotency-Key` was deleted in the last day.',
  },
  {
    status: 413,
    type: 'body-too-long',
    title: 'Request body too large',
    when: 'The body has more than 1 MiB.',
  },
  {
    status: 415,
    type: 'unsupported-media-type',
    title: 'Unsupported media type',
    when: 'The body is not `application/json`.',
  },
  {
    status: 429,
    type: 'too-many-requests',
    title: 'Too many requests',
    when: 'More requests a second came than the API admits, or more writes (POST, DELETE) a minute than it admits from one caller; try again after the seconds in `retry-after`.',
  },
  {
    status: 500,
    type: 'internal',
    title: 'Internal error',
    when: "The fault is in the product; the function's log has it under the request's ID.",
  },
  {
    status: 503,
    type: 'drained',
    title: 'No new starts',
    when: 'An administrator has drained the environment: runs under way go on, and none starts. Try again after the seconds in `retry-after`.',
  },
  {
    status: 503,
    type: 'unavailable',
    title: 'A service does not answer',
    when: 'A service of AWS, or GitHub, fails or limits the rate, also after retries. Try again after the seconds in `retry-after`; with an `Idempotency-Key` nothing is started twice.',
  },
];

export function problemResponse(error: unknown): APIGatewayProxyStructuredResultV2 {
  const retryAfter = retryAfterOf(error);
  const problem = retryAfter === undefined ? problemOf(error) : unavailable(retryAfter);
  return {
    statusCode: problem.status,
    headers: {
      ...SECURITY_HEADERS,
      'content-type': 'application/problem+json',
      ...((error instanceof HttpError || error instanceof StillRunningError) && error.headers),
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    },
    body: JSON.stringify(problem),
  };
}

function unavailable(seconds: number): Problem {
  return {
    ...typeOf(503, 'unavailable'),
    status: 503,
    detail: `A service that this request needs did not answer, or limits the rate, also after retries. Send the request again in ${seconds} s: what it asked for may have been done or not. With an Idempotency-Key nothing is started twice. The function's log has the reason under the request ID.`,
  };
}

function problemOf(error: unknown): Problem {
  if (!(error instanceof CodyBatchError) || (error.statusCode >= 500 && !(error instanceof HttpError))) {
    const detail =
      "The server failed while it handled this request; the request itself may be valid. The function's log has the reason under the request ID.";
    return { ...typeOf(500), status: 500, detail };
  }
  return {
    ...typeOf(error.statusCode, nameOfType(error)),
    status: error.statusCode,
    detail: error.message,
    ...faultsOf(error),
  };
}

function typeOf(status: number, name?: string): Pick<Problem, 'type' | 'title'> {
  const found = PROBLEMS.find((problem) => problem.status === status && (!name || problem.type === name));
  const { type, title } = found ?? { type: 'refused', title: 'Refused' };
  return { type: `${PROBLEM_TYPE_PREFIX}${type}`, title };
}

/** Returns undefined for the first type of the error's status. */
function nameOfType(error: CodyBatchError): string | undefined {
  if (error instanceof OutdatedReviewError) return 'review-is-outdated';
  if (error instanceof NotAvailableHereError) return 'not-available-here';
  return isOfMeaning(error) ? 'value-not-accepted' : undefined;
}

/** Whether the request fits what the API's description can say, and is refused for what it means. */
function isOfMeaning(error: CodyBatchError): boolean {
  return error instanceof InvalidInputError && !(error instanceof RouteInputError && error.isOfShape);
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
const MAX_FAULTS = 20;

/** The first faults that zod found, each with the received value. */
export function faultsOfZod(error: z.ZodError, input: unknown, prefix = ''): FieldFault[] {
  const faults = error.issues.slice(0, MAX_FAULTS).flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.slice(0, MAX_FAULTS).map((key) => ({
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
  return faults.slice(0, MAX_FAULTS);
}

/** Advice for parameters that only older models accept. */
function hintFor(key: string): string | undefined {
  if (['temperature', 'top_p', 'top_k', 'topP', 'topK'].includes(key))
    return 'not supported by current models; use settings.effort (low … max)';
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

/** Truncates a value to at most 200 characters. */
export function shorten(value: string): string;
export function shorten(value: unknown): unknown;
export function shorten(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text !== undefined && text.length > 200 ? `${text.slice(0, 199)}…` : value;
}
