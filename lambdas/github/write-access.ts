import { describeError } from '../../core/errors.ts';
import { type ErrorDescription, parseRepositoryName } from '../../core/job.ts';
import type { Settings } from '../../core/settings.ts';
import { logger } from '../logger.ts';
import { openGitHub } from './client.ts';
import { explainRefusal } from './refusal.ts';

/** How many repositories of an owner are tried before the permission that they lack counts as lacking for all. */
const TRIED = 3;

/**
 * The repositories of a job to which nothing could be written, with the reason. What a credential may do is an owner's
 * affair, so of each owner one repository is tried, and others only where that one is refused. An answer that GitHub
 * does not give now is no reason: it is asked again when there is something to write.
 */
export async function withoutWriteAccess(
  settings: Settings,
  { jobId, repositoryNames }: { jobId: string; repositoryNames: readonly string[] },
): Promise<Map<string, ErrorDescription>> {
  const refused = new Map<string, ErrorDescription>();
  const byOwner = Map.groupBy(repositoryNames, (name) => parseRepositoryName(name.toLowerCase()).owner);
  for (const names of byOwner.values()) {
    let lacking = 0;
    for (const name of names.slice(0, TRIED)) {
      const error = await tryWriting(settings, jobId, name);
      if (!error) break;
      refused.set(name, error);
      if (error.name === 'GitHubPermissionError') lacking += 1;
    }
    const ofAll = refused.get(names[0]!);
    if (lacking < TRIED || !ofAll) continue;
    for (const name of names) if (!refused.has(name)) refused.set(name, ofAll);
  }
  return refused;
}

/**
 * Why nothing may be written to a repository; undefined where it may be, and where GitHub does not say. An empty blob that
 * no tree names is no change, and a pull request from a branch into itself is one that GitHub never opens: without the
 * permission it says so before it looks.
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
      // Of a repository that it cannot see either, the credential lacks more than a permission.
      if ((error as { status?: number }).status === 404) await github.rest.repos.get({ owner, repo });
      throw error;
    });
    await github.rest.pulls.create({ owner, repo, title: 'Cody Batch', head: 'HEAD', base: 'HEAD' });
    return undefined;
  } catch (error) {
    const { status } = error as { status?: number };
    // The second call as it should be answered, and what the worker says better: no commit, another name.
    if (status === 422 || status === 409 || status === 301 || status === 307) return undefined;
    const explained = explainRefusal(error, { jobId, repositoryName });
    if (explained !== error) return describeError(explained);
    logger.warn('Whether it may be written to is not known yet', { repositoryName, ...describeError(error) });
    return undefined;
  }
}
