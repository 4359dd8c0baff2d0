/** One entry of `errors` in GitHub's 422 bodies. */
export type FieldError = { resource: string; field?: string; code: string; message?: string };

export type GitHubErrorDetails = {
  errors?: readonly FieldError[];
  headers?: Readonly<Record<string, string>>;
  /** Further fields of the body. */
  body?: Readonly<Record<string, unknown>>;
  /** A path below https://docs.github.com/rest; clients recognize some refusals by it. */
  documentation?: string;
};

/** An error answer in GitHub's form: `{message, documentation_url, status, errors?}`. */
export class GitHubError extends Error {
  override readonly name = 'GitHubError';
  readonly status: number;
  readonly details: GitHubErrorDetails;

  constructor(status: number, message: string, details: GitHubErrorDetails = {}) {
    super(message);
    this.status = status;
    this.details = details;
  }

  toJSON(): object {
    const { errors, body, documentation = '' } = this.details;
    return {
      message: this.message,
      ...body,
      ...(errors && { errors }),
      documentation_url: `https://docs.github.com/rest${documentation}`,
      status: String(this.status),
    };
  }
}

export const notFound = (): GitHubError => new GitHubError(404, 'Not Found');

export const unprocessable = (message: string): GitHubError => new GitHubError(422, message);

/** 422 with one entry: GitHub's usual answer to a body that parses but cannot be carried out. */
export const validationFailed = (error: FieldError): GitHubError =>
  new GitHubError(422, 'Validation Failed', { errors: [error] });
