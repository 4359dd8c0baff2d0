import { sendAsCaller } from './authorization.ts';

export type FieldFault = { field: string; message: string };

/** A refusal of the API, as its problem document (RFC 9457) describes it. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly type: string;
  readonly title: string;
  readonly faults: readonly FieldFault[];

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.message ?? problem.title ?? `The API answered ${status}.`);
    this.status = status;
    this.type = problem.type ?? '';
    this.title = problem.title ?? `The API answered ${status}`;
    this.faults = problem.errors ?? [];
  }
}

/** `message` is API Gateway's own form. */
type Problem = { type?: string; title?: string; detail?: string; message?: string; errors?: FieldFault[] };

type Options = { signal?: AbortSignal; idempotencyKey?: string };

/**
 * Reads JSON. The browser's cache sends the ETag of its copy by itself (`cache-control: no-cache`), so that an unchanged
 * answer costs no transfer.
 */
export async function get<T>(path: string, options: Options = {}): Promise<T> {
  return (await (await request('GET', path, undefined, options)).json()) as T;
}

export async function getText(path: string, options: Options = {}): Promise<string> {
  return (await request('GET', path, undefined, options)).text();
}

export async function getBlob(path: string): Promise<Blob> {
  return (await request('GET', path)).blob();
}

export async function post<T>(path: string, body?: unknown, options: Options = {}): Promise<T> {
  return (await (await request('POST', path, body, options)).json()) as T;
}

export async function remove(path: string): Promise<void> {
  await request('DELETE', path);
}

async function request(
  method: string,
  path: string,
  body?: unknown,
  { signal, idempotencyKey }: Options = {},
): Promise<Response> {
  const response = await sendAsCaller((authorization) =>
    fetch(`/api${path}`, {
      method,
      headers: {
        ...authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }),
  );
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as Problem;
  throw new ApiError(response.status, problem);
}

/** A path with its values encoded, and a query without the absent ones. */
export function pathOf(
  path: string,
  query: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  return parameters.size > 0 ? `${path}?${parameters}` : path;
}
