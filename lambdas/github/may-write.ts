import type { Octokit } from '@octokit/rest';
import { parseRepositoryName } from '../../core/job.ts';
import { statusOf } from './status-of.ts';

/**
 * Asks whether a person may write to a repository, once for each person and repository. GitHub's `author_association` does not
 * say so: a member of an organisation may only read. A credential that may not ask gets no for an answer.
 */
export function mayWrite(github: Octokit): (repositoryName: string, login: string) => Promise<boolean> {
  const known = new Map<string, boolean>();
  return async (repositoryName, login) => {
    const key = `${repositoryName} ${login}`.toLowerCase();
    const before = known.get(key);
    if (before !== undefined) return before;
    const answer = await ask(github, repositoryName, login);
    known.set(key, answer);
    return answer;
  };
}

async function ask(github: Octokit, repositoryName: string, username: string): Promise<boolean> {
  const { owner, name: repo } = parseRepositoryName(repositoryName);
  try {
    const { data } = await github.rest.repos.getCollaboratorPermissionLevel({ owner, repo, username });
    return data.permission === 'admin' || data.permission === 'write';
  } catch (error) {
    const status = statusOf(error);
    if (status !== 403 && status !== 404) throw error;
    return false;
  }
}
