import { stripVTControlCharacters } from 'node:util';
import type { Octokit } from '@octokit/rest';
import { describeError } from '../../core/errors.ts';
import { logger } from '../logger.ts';
import type { Repository } from './base.ts';
import { end } from './findings.ts';

/** The end of a log is what says why it failed. */
const MAX_LOG = 8000;
const MAX_LOG_BYTES = 64 * 1024;
const TIMEOUT_MS = 20_000;

/**
 * The end of the log of a job of GitHub Actions; undefined if it cannot be read, as by a credential without `actions: read`.
 * GitHub answers with a short-lived address of a storage service, which gets no credential.
 */
export async function readJobLog(
  github: Octokit,
  { owner, repo }: Repository,
  job: number,
): Promise<string | undefined> {
  try {
    const { headers } = await github.request('GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs', {
      ...{ owner, repo, job_id: job },
      request: { redirect: 'manual' },
    });
    return headers.location ? end(await endOf(headers.location), MAX_LOG) : undefined;
  } catch (error) {
    logger.warn('The log of a check could not be read', {
      repository: `${owner}/${repo}`,
      job,
      error: describeError(error),
    });
    return undefined;
  }
}

async function endOf(address: string): Promise<string> {
  const response = await fetch(address, {
    headers: { range: `bytes=-${MAX_LOG_BYTES}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok || !response.body) throw new Error(`The log was answered with ${response.status}.`);
  let last = Buffer.alloc(0);
  // A server may ignore the range: only the last bytes are kept.
  for await (const piece of response.body) last = Buffer.concat([last, piece]).subarray(-MAX_LOG_BYTES);
  return stripVTControlCharacters(last.toString('utf8'));
}
