/** One entry of `errors` in GitHub's 422 bodies. */
export type FieldError = { resource: string; field?: string; code: string; message?: string };

/** An answer that is not a success, as GitHub words it: `{message, documentation_url, status, errors?}`. */
export class GitHubError extends Error {
  override readonly name = 'GitHubError';
  readonly status: number;
  readonly errors: readonly FieldError[] | undefined;

  constructor(status: number, message: string, errors?: readonly FieldError[]) {
    super(message);
    this.status = status;
    this.errors = errors;
  }

  toJSON(): object {
    return {
      message: this.message,
      ...(this.errors && { errors: this.errors }),
      documentation_url: 'https://docs.github.com/rest',
      status: String(this.status),
    };
  }
}

export const notFound = (): GitHubError => new GitHubError(404, 'Not Found');

export const unprocessable = (message: string): GitHubError => new GitHubError(422, message);

/** 422 with one entry, GitHub's usual form for a body that parsed and cannot be done. */
export const validationFailed = (error: FieldError): GitHubError =>
  new GitHubError(422, 'Validation Failed', [error]);
