import { type Answer, paginated, type RepositoryCall, type RepositoryRoute } from './api.ts';
import { historyCommitJson } from './commits.ts';
import { GitHubError } from './github-error.ts';
import { isBranchName } from './names.ts';
import { readRef } from './refs.ts';

async function listBranches(call: RepositoryCall): Promise<Answer> {
  return paginated(call, await call.repository.branches(), ({ name, sha }) => ({
    name,
    commit: { sha, url: `${call.url}/commits/${sha}` },
    protected: false,
  }));
}

async function getBranch({ repository, params, url }: RepositoryCall): Promise<Answer> {
  const name = params.branch ?? '';
  const ref = isBranchName(name) ? await readRef(repository, `refs/heads/${name}`) : undefined;
  if (!ref) throw new GitHubError(404, 'Branch not found');
  const body = {
    name,
    commit: await historyCommitJson(repository, ref.sha, url),
    _links: { self: `${url}/branches/${name}` },
    protected: false,
  };
  return { status: 200, body };
}

export const branchRoutes: readonly RepositoryRoute[] = [
  ['GET', '/branches', listBranches],
  ['GET', '/branches/{branch*}', getBranch],
];
