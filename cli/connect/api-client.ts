import type { DryRun, ResolvedChoice } from '../../core/choice.ts';
import { CodyBatchError } from '../../core/errors.ts';
import type { Job, JobRequest, JobRow, PullRequestOverrides, Spending } from '../../core/job.ts';
import type { AskedOperation } from '../../core/pull-request-operation.ts';
import type { RepositoryResult, RepositorySummary } from '../../core/repository-result.ts';
import type { Review } from '../../core/review.ts';
import type { RunRecord } from '../../core/run-record.ts';
import type { SummaryRow } from '../../core/summary-row.ts';

export type JobWithResults = Job & { results: RepositorySummary[] };
export type ShownJob = JobRow & { spending?: Spending };
export type Health = { status: string; version: string; model: string };
export type FieldFault = { field: string; received?: unknown; expected: string };

/** The body of `POST /jobs/{jobId}/pull-requests`. */
export type PublishRequest = {
  repositories?: readonly string[];
  pullRequest?: PullRequestOverrides;
  approved?: true;
} & AskedOperation;

/** A conversation for a reader. */
export type ReadableThread = {
  model: string;
  messages: { role: 'user' | 'assistant'; text: string; toolCalls?: { line: string; failed: boolean }[] }[];
};

/** The API did not answer. */
export class ApiUnreachableError extends CodyBatchError {
  override readonly name = 'ApiUnreachableError';
}

/** The API refused the request. The message is the `detail` of its problem document. */
export class ApiError extends CodyBatchError {
  override readonly name = 'ApiError';
  override readonly statusCode: number;
  /** The last part of the problem's `type`. */
  readonly type: string | undefined;
  readonly faults: readonly FieldFault[];

  constructor(message: string, statusCode: number, type?: string, faults: readonly FieldFault[] = []) {
    super(message);
    this.statusCode = statusCode;
    this.type = type;
    this.faults = faults;
  }
}

/** Returns the value of the header `authorization`. `isRefused` is true if the last one was answered by 401. */
export type Authorization = (isRefused: boolean) => Promise<string | undefined>;

type CallOptions = { body?: unknown; idempotencyKey?: string };

/** A client of the product's HTTP API. */
export class ApiClient {
  readonly url: string;
  readonly #authorization: Authorization;
  readonly #signal: AbortSignal | undefined;

  /** `authorization` may be the secret of a stack's data folder. `signal` ends every request. */
  constructor(url: string, authorization?: string | Authorization, signal?: AbortSignal) {
    this.#signal = signal;
    this.url = url.replace(/\/+$/, '');
    this.#authorization =
      typeof authorization === 'function'
        ? authorization
        : async () => (authorization ? `Bearer ${authorization}` : undefined);
  }

  async health(): Promise<Health> {
    return (await this.#call('GET', '/health')).json() as Promise<Health>;
  }

  /** Who calls, and what they may do. */
  async me(): Promise<{ caller?: string; roles: string[] }> {
    return this.#json('GET', '/me');
  }

  async createJob(request: JobRequest, idempotencyKey?: string): Promise<Job> {
    return this.#json('POST', '/jobs', { body: request, idempotencyKey });
  }

  async listJobs(query: Record<string, string | undefined>): Promise<{ jobs: JobRow[]; cursor?: string }> {
    return this.#json('GET', `/jobs${queryOf(query)}`);
  }

  async listRepositories(
    query: Record<string, string | undefined>,
  ): Promise<{ repositories: string[]; cursor?: string }> {
    return this.#json('GET', `/repositories${queryOf(query)}`);
  }

  async cancelJob(jobId: string): Promise<void> {
    await this.#call('POST', `/jobs/${jobId}/cancel`);
  }

  async retryJob(jobId: string, body?: unknown): Promise<JobRow> {
    return this.#json('POST', `/jobs/${jobId}/retry`, body === undefined ? {} : { body });
  }

  /** Runs what is held back behind the sample. */
  async continueJob(jobId: string, body?: unknown): Promise<JobRow> {
    return this.#json('POST', `/jobs/${jobId}/continue`, body === undefined ? {} : { body });
  }

  /** Continues the work on some repositories by an instruction. */
  async reviseJob(jobId: string, body: unknown): Promise<JobRow> {
    return this.#json('POST', `/jobs/${jobId}/revise`, { body });
  }

  /** All runs of the job, the newest first. */
  async listRuns(jobId: string): Promise<RunRecord[]> {
    const runs: RunRecord[] = [];
    let cursor: string | undefined;
    do {
      const page: { runs: RunRecord[]; cursor?: string } = await this.#json(
        'GET',
        `/jobs/${jobId}/runs${queryOf({ limit: '100', cursor })}`,
      );
      runs.push(...page.runs);
      cursor = page.cursor;
    } while (cursor);
    return runs;
  }

  /** The repositories that a job with these entries would take. */
  async resolveRepositories(repositories: readonly string[]): Promise<ResolvedChoice> {
    return this.#json('POST', '/repositories/resolve', { body: { repositories } });
  }

  /** The patches of a job as ZIP archives, one after the other. */
  async *getPatches(jobId: string, query: Record<string, string | undefined>): AsyncGenerator<Buffer> {
    let next: string | undefined = `/jobs/${jobId}/patches.zip${queryOf(query)}`;
    while (next !== undefined) {
      const answer = await this.#call('GET', next);
      yield Buffer.from(await (await this.#followed(answer)).arrayBuffer());
      next = /^<(.+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    }
  }

  /** Asks for a dry run of the job. It starts nothing. */
  async dryRun(request: JobRequest): Promise<DryRun> {
    return this.#json('POST', '/jobs?dryRun=true', { body: request });
  }

  async deleteJob(jobId: string): Promise<void> {
    await this.#call('DELETE', `/jobs/${jobId}`);
  }

  /** Requests pull requests, or another operation on them, for the recorded changes that the body picks, or for all that have none yet. */
  async openPullRequests(jobId: string, body: PublishRequest = {}): Promise<JobRow> {
    return this.#json('POST', `/jobs/${jobId}/pull-requests`, { body });
  }

  /** Returns the job without its text and its repositories' results, which is enough for a progress bar. */
  async getJob(jobId: string): Promise<ShownJob> {
    return this.#json('GET', `/jobs/${encodeURIComponent(jobId)}?limit=0`);
  }

  /** Returns the job with a page of its repositories. */
  async getPage(jobId: string, limit: number): Promise<ShownJob & { results: RepositorySummary[] }> {
    return this.#json('GET', `/jobs/${jobId}?limit=${limit}`);
  }

  /** Returns the job with its text and the results of all its repositories. */
  async getResults(jobId: string): Promise<JobWithResults> {
    const page = (query: string): Promise<JobWithResults & { cursor?: string }> =>
      this.#json('GET', `/jobs/${jobId}?limit=1000${query}`);
    const { cursor: next, ...job } = await page('&include=text');
    const results: RepositorySummary[] = [...job.results];
    let cursor = next;
    while (cursor) {
      const more = await page(`&cursor=${encodeURIComponent(cursor)}`);
      results.push(...more.results);
      cursor = more.cursor;
    }
    return { ...job, results };
  }

  /** Returns what the index has of all repositories of the job. */
  async getRows(jobId: string): Promise<SummaryRow[]> {
    const { columns } = await this.#json<{ columns: Record<string, unknown[]> }>(
      'GET',
      `/jobs/${jobId}/rows`,
    );
    const names = Object.keys(columns);
    return columns.repositoryName!.map(
      (_, i) =>
        Object.fromEntries(
          names.flatMap((name) => (columns[name]![i] == null ? [] : [[name, columns[name]![i]]])),
        ) as SummaryRow,
    );
  }

  async getResult(jobId: string, repositoryName: string): Promise<RepositoryResult> {
    return this.#json('GET', `/jobs/${jobId}/repositories/${repositoryName}`);
  }

  async review(jobId: string, body: unknown): Promise<Review[]> {
    return (await this.#json<{ reviews: Review[] }>('POST', `/jobs/${jobId}/reviews`, { body })).reviews;
  }

  /** Calls a route of administration; undefined fields of the body are left out. */
  async administer(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    return this.#json(method, path, body === undefined ? {} : { body });
  }

  /** Returns the patch, byte for byte, or undefined if there is none. */
  async getDiff(jobId: string, repositoryName: string): Promise<Buffer | undefined> {
    return this.#document(`/jobs/${jobId}/repositories/${repositoryName}/diff`);
  }

  /** Returns the whole conversation as JSON. */
  async getThread(jobId: string, repositoryName: string): Promise<Buffer | undefined> {
    return this.#document(`/jobs/${jobId}/repositories/${repositoryName}/claude-thread?view=technical`);
  }

  async getReadableThread(
    jobId: string,
    repositoryName: string,
    view: 'standard' | 'simplified',
  ): Promise<ReadableThread | undefined> {
    const found = await this.#document(
      `/jobs/${jobId}/repositories/${repositoryName}/claude-thread?view=${view}`,
    );
    return found && JSON.parse(found.toString('utf8'));
  }

  async getLog(jobId: string, repositoryName: string): Promise<Buffer | undefined> {
    return this.#document(`/jobs/${jobId}/repositories/${repositoryName}/log`);
  }

  async #document(path: string): Promise<Buffer | undefined> {
    try {
      const answer = await this.#call('GET', path);
      return Buffer.from(await (await this.#followed(answer)).arrayBuffer());
    } catch (error) {
      if (error instanceof ApiError && error.statusCode === 404) return undefined;
      throw error;
    }
  }

  /** A long document is behind a signed URL, which needs no token; only this API gets one. */
  async #followed(answer: Response): Promise<Response> {
    const location = answer.headers.get('location');
    if (answer.status !== 303 || location === null) return answer;
    const target = new URL(location, this.url);
    const isOwn = target.origin === new URL(this.url).origin;
    const authorization = isOwn ? await this.#authorization(false) : undefined;
    const sent = await fetch(target, { headers: { ...(authorization && { authorization }) } });
    if (sent.ok) return sent;
    throw problemOf('GET', `${target.origin}${target.pathname}`, sent.status, await sent.text());
  }

  async #json<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    return (await this.#call(method, path, options)).json() as Promise<T>;
  }

  async #call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    const response = await this.#send(method, path, options, false);
    // An expired token is renewed once.
    const answer = response.status === 401 ? await this.#send(method, path, options, true) : response;
    if (answer.ok || answer.status === 303) return answer;
    const problem = problemOf(method, path, answer.status, await answer.text());
    if (answer.status !== 401 || problem.type) throw problem;
    // The authorizer of API Gateway answers without a problem document.
    throw new ApiError(
      `${this.url} does not admit this caller (401). Sign in: cody-batch login --api ${this.url}`,
      401,
    );
  }

  async #send(
    method: string,
    path: string,
    { body, idempotencyKey }: CallOptions,
    isRefused: boolean,
  ): Promise<Response> {
    const authorization = await this.#authorization(isRefused);
    return fetch(`${this.url}${path}`, {
      method,
      // Another host would get the token.
      redirect: 'manual',
      headers: {
        ...(authorization && { authorization }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(this.#signal && { signal: this.#signal }),
    }).catch((cause: Error) => {
      const reason = cause.cause instanceof Error ? cause.cause.message : cause.message;
      throw new ApiUnreachableError(
        `${method} ${this.url}${path} got no answer (${reason}). Check the address and the network; if it is a stack of \`serve\`, start that again. Running jobs continue.`,
        { cause },
      );
    });
  }
}

function queryOf(query: Record<string, string | undefined>): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  return given.length > 0 ? `?${new URLSearchParams(given as [string, string][])}` : '';
}

function problemOf(method: string, path: string, status: number, text: string): ApiError {
  const problem = parseProblem(text);
  const message =
    typeof problem?.detail === 'string'
      ? problem.detail
      : `${method} ${path} answered ${status}: ${text.slice(0, 500)}`;
  return new ApiError(
    message,
    status,
    String(problem?.type ?? '')
      .split(':')
      .at(-1),
    problem?.errors ?? [],
  );
}

function parseProblem(text: string): { type?: unknown; detail?: unknown; errors?: FieldFault[] } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
