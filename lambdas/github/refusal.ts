import {
  CodyBatchError,
  GitHubPermissionError,
  PullRequestRefusedError,
  RepositoryUnavailableError,
} from '../../core/errors.ts';
import { publishAgain, publishElsewhere } from './advice.ts';
import { rateLimitedUntil } from './rate-limit.ts';

type RequestFault = {
  status: number;
  message: string;
  request: { method: string; url: string };
  response?: { headers?: Record<string, string | number | undefined>; data?: unknown };
};

/**
 * Translates a refusal by GitHub into an error of the product that says what to do. Returns errors that a retry may fix (a
 * rate limit, a fault of GitHub's, a lost connection) unchanged.
 */
export function explainRefusal(
  error: unknown,
  { jobId, repositoryName }: { jobId: string; repositoryName: string },
): unknown {
  if (error instanceof CodyBatchError || !isRequestFault(error)) return error;
  if (rateLimitedUntil(error, 0) !== undefined || error.status >= 500 || error.status < 400) return error;
  const quoted = `GitHub: ${error.message.slice(0, 500)}`;
  const { status } = error;
  const then = `then ${publishAgain(jobId)}`;
  const unavailable = (what: string) =>
    new RepositoryUnavailableError(`${repositoryName} ${what}. ${quoted}`, { cause: error });

  if (status === 401) {
    return new GitHubPermissionError(
      `GitHub rejects the credential that opens pull requests: it is missing, expired, revoked or mistyped. Replace GITHUB_WRITE_TOKEN (or GITHUB_TOKEN, or the App's ID and key), ${then}. ${quoted}`,
      { cause: error },
    );
  }
  if (/archived/i.test(error.message))
    return unavailable(`is archived, so it cannot be written to. Unarchive it, ${then}`);
  if (status === 409 && /empty/i.test(error.message))
    return unavailable(`is empty, so a pull request has no base. Push a commit, then start a new job`);
  if (status === 410 || status === 451 || /disabled|access blocked|suspended/i.test(error.message))
    return unavailable(`is disabled or blocked by GitHub. Ask its owner`);
  const missing = missingPermission(error);
  if (missing) {
    return new GitHubPermissionError(
      `The credential may not open pull requests in ${repositoryName}: it needs the permission ${missing}. Grant it to the token or the App, ${then}. ${quoted}`,
      { cause: error },
    );
  }
  if (status === 404)
    return unavailable(
      `does not exist, or the credential that opens pull requests may not see it. Give the token or the App's installation access to it, ${then}`,
    );
  return new PullRequestRefusedError(
    `GitHub refused ${error.request.method} ${new URL(error.request.url).pathname} of ${repositoryName} with status ${status}. If a rule of the repository forbids it, change the rule, ${then}; or ${publishElsewhere(jobId)}. ${quoted}`,
    { cause: error },
  );
}

/**
 * The missing permission, by the header of the answer or by the refused call; undefined if the answer is not a refusal of
 * permission. A token that may only read gets 403 for a write, or 404.
 */
function missingPermission({ status, message, request, response }: RequestFault): string | undefined {
  const { pathname } = new URL(request.url);
  if (/\/repos\/[^/]+\/[^/]+\/installation$/.test(pathname) && status === 404)
    return 'to be installed there (the App is not)';
  if (/\/access_tokens$/.test(pathname) && status >= 400)
    return 'contents: write and pull_requests: write (and workflows: write where a change touches them), granted to this installation of the App';
  if (/workflows?[`' ]+(?:scope|permission)/i.test(message)) return 'workflows: write';
  const isWrite = request.method !== 'GET' && request.method !== 'HEAD';
  if (status !== 403 && !(status === 404 && isWrite)) return undefined;
  const named = response?.headers?.['x-accepted-github-permissions'];
  if (named) return String(named).replaceAll('=', ': ').replaceAll(';', ' or ').replaceAll(',', ' and ');
  if (/\/git\//.test(pathname)) return 'contents: write';
  return /\/(?:pulls|issues)\b/.test(pathname)
    ? `pull_requests: ${isWrite ? 'write' : 'read'}`
    : 'contents: read';
}

function isRequestFault(error: unknown): error is RequestFault & Error {
  return error instanceof Error && 'status' in error && 'request' in error;
}
