import { CodyBatchError } from '../core/errors.ts';
import type { Job, JobRequest, JobRow } from '../core/job.ts';
import type { RepositorySummary } from '../core/repository-result.ts';

export type JobWithResults = Job & { results: RepositorySummary[] };
export type Health = { status: string; version: string; model: string };

/** The API did not answer. */
export class ApiUnreachableError extends CodyBatchError {
  override readonly name = 'ApiUnreachableError';
}

/** The API refused the request. The message is the `detail` of its problem document. */
export class ApiError extends CodyBatchError {
  override readonly name = 'ApiError';
  override readonly statusCode: number;

  constructor(message: string, statusCode: number) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** A client of the product's HTTP API. */
export class ApiClient {
  readonly url: string;
  readonly #authorization: Record<string, string>;

  /** `secret` is the secret of the stack's data folder. */
  constructor(url: string, secret?: string) {
    this.url = url;
    this.#authorization = secret ? { authorization: `Bearer ${secret}` } : {};
  }

  async health(): Promise<Health> {
    return (await this.#call('GET', '/health')).json() as Promise<Health>;
  }

  async createJob(request: JobRequest): Promise<Job> {
    return (await this.#call('POST', '/jobs', request)).json() as Promise<Job>;
  }

  async cancelJob(jobId: string): Promise<void> {
    await this.#call('POST', `/jobs/${jobId}/cancel`);
  }

  /** Requests pull requests for the recorded changes of these repositories, or of all that have none yet. */
  async openPullRequests(jobId: string, repositories?: readonly string[]): Promise<void> {
    await this.#call('POST', `/jobs/${encodeURIComponent(jobId)}/pull-requests`, { repositories });
  }

  /** Returns the job without its text and its repositories' results, which is enough for a progress bar. */
  async getJob(jobId: string): Promise<JobRow> {
    return (await this.#call('GET', `/jobs/${jobId}?limit=0`)).json() as Promise<JobRow>;
  }

  /** Returns the job with its text and the results of all its repositories. */
  async getResults(jobId: string): Promise<JobWithResults> {
    const page = async (query: string) => {
      const response = await this.#call('GET', `/jobs/${jobId}?limit=1000${query}`);
      return response.json() as Promise<JobWithResults & { cursor?: string }>;
    };
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

  /** Returns the patch, byte for byte, or undefined if there is none. */
  async getDiff(jobId: string, repositoryName: string): Promise<Buffer | undefined> {
    return this.#document(`/jobs/${jobId}/repositories/${repositoryName}/diff`);
  }

  async getThread(jobId: string, repositoryName: string): Promise<Buffer | undefined> {
    return this.#document(`/jobs/${jobId}/repositories/${repositoryName}/claude-thread?view=technical`);
  }

  async #document(path: string): Promise<Buffer | undefined> {
    try {
      return Buffer.from(await (await this.#call('GET', path)).arrayBuffer());
    } catch (error) {
      if (error instanceof ApiError && error.statusCode === 404) return undefined;
      throw error;
    }
  }

  async #call(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...this.#authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).catch((cause: Error) => {
      const reason = cause.cause instanceof Error ? cause.cause.message : cause.message;
      throw new ApiUnreachableError(
        `${method} ${this.url}${path} got no answer (${reason}). If \`serve\` has ended, start it again; running jobs continue.`,
        { cause },
      );
    });
    if (response.ok) return response;
    const text = await response.text();
    throw new ApiError(
      detailOf(text) ?? `${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`,
      response.status,
    );
  }
}

function detailOf(text: string): string | undefined {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === 'string' ? detail : undefined;
  } catch {
    return undefined;
  }
}
