import { describeError } from '../../core/errors.ts';
import { type ErrorDescription, parseRepositoryName } from '../../core/job.ts';
import type { Settings } from '../../core/settings.ts';
import { logger } from '../logger.ts';
import { openGitHub } from './client.ts';
import { explainRefusal } from './refusal.ts';
import { statusOf } from './status-of.ts';

/** Repositories of an owner that are tried; if the credential lacks the permission on all of them, it lacks it on the rest. */
const TRIES_PER_OWNER = 3;

/**
 * The repositories of a job that the credential may not write to, each with the error. Permissions are granted by owner,
 * so one repository of each owner is tried, and more only if that one is refused. A repository counts as writable if
 * GitHub gives no clear answer; publishing finds out later.
 */
export async function withoutWriteAccess(
  settings: Settings,
  { jobId, repositoryNames }: { jobId: string; repositoryNames: readonly string[] },
): Promise<Map<string, ErrorDescription>> {
  const refused = new Map<string, ErrorDescription>();
  const byOwner = Map.groupBy(repositoryNames, (name) => parseRepositoryName(name.toLowerCase()).owner);
  for (const names of byOwner.values()) {
    let lacking = 0;
    for (const name of names.slice(0, TRIES_PER_OWNER)) {
      const error = await tryWriting(settings, jobId, name);
      if (!error) break;
      refused.set(name, error);
      if (error.name === 'GitHubPermissionError') lacking += 1;
    }
    const ofAll = refused.get(names[0]!);
    if (lacking < TRIES_PER_OWNER || !ofAll) continue;
    for (const name of names) if (!refused.has(name)) refused.set(name, ofAll);
  }
  return refused;
}

/**
 * The error if the repository may not be written to; undefined if it may be, or if GitHub gives no clear answer. Changes
 * nothing: it creates an empty blob that no tree refers to, and asks for a pull request from HEAD into HEAD, which GitHub
 * always refuses, but with another status if the permission is missing.
 */
async function tryWriting(
  settings: Settings,
  jobId: string,
  repositoryName: string,
): Promise<ErrorDescription | undefined> {
  const { owner, name: repo } = parseRepositoryName(repositoryName);
  try {
    const github = await openGitHub(settings, repositoryName, 'write');
    const blob = github.rest.git.createBlob({ owner, repo, content: '', encoding: 'utf-8' });
    await blob.catch(async (error: unknown) => {
      // Tells a repository that the credential cannot see from one that it cannot write to.
      if (statusOf(error) === 404) await github.rest.repos.get({ owner, repo });
      throw error;
    });
    await github.rest.pulls.create({ owner, repo, title: 'Cody Batch', head: 'HEAD', base: 'HEAD' });
    return undefined;
  } catch (error) {
    const status = statusOf(error);
    // The expected answer of the second call, and cases that the worker explains better: an empty or renamed repository.
    if (status === 422 || status === 409 || status === 301 || status === 307) return undefined;
    const explained = explainRefusal(error, { jobId, repositoryName });
    if (explained !== error) return describeError(explained);
    logger.warn('Write access could not be checked', { repositoryName, error: describeError(error) });
    return undefined;
  }
}
