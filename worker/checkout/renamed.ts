import { z } from 'zod';
import { RepositoryUnavailableError } from '../../core/errors.ts';
import { RepositoryName } from '../../core/job.ts';
import { fetchOnOneHost } from '../../core/one-host-fetch.ts';

/**
 * git's server redirects. git does not follow redirects here, because it would send the token to any host.
 */
export class RepositoryMovedError extends RepositoryUnavailableError {}

const Described = z.object({ full_name: RepositoryName });

const TIMEOUT_MS = 30_000;

/**
 * Asks GitHub's API for the repository's current name. Returns undefined if the API does not answer with one.
 */
export async function currentName(
  repositoryName: string,
  { githubApiUrl, token, signal }: { githubApiUrl: string; token: string | undefined; signal: AbortSignal },
): Promise<string | undefined> {
  try {
    const response = await fetchOnOneHost(`${githubApiUrl.replace(/\/+$/, '')}/repos/${repositoryName}`, {
      headers: {
        accept: 'application/vnd.github+json',
        'user-agent': 'cody-batch',
        ...(token && { authorization: `Bearer ${token}` }),
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    return Described.safeParse(await response.json()).data?.full_name;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
