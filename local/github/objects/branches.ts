import { isBranchName } from '../names.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { GitHubError } from '../rest/github-error.ts';
import { paginated } from '../rest/paginated.ts';
import { historyCommitJson } from './commits.ts';
import { readRef } from './refs.ts';

async function listBranches(call: RepositoryCall): Promise<Answer> {
  return paginated(call, await call.repository.branches(), ({ name, sha }) => ({
    name,
    commit: { sha, url: `${call.url}/commits/${sha}` },
    protected: false,
  }));
}

async function getBranch(call: RepositoryCall): Promise<Answer> {
  const { repository, params, url, htmlUrl } = call;
  const name = params.branch ?? '';
  const ref = isBranchName(name) ? await readRef(repository, `refs/heads/${name}`) : undefined;
  if (!ref) throw new GitHubError(404, 'Branch not found');
  const body = {
    name,
    commit: await historyCommitJson(call, ref.sha),
    _links: { self: `${url}/branches/${name}`, html: `${htmlUrl}/tree/${name}` },
    // A ruleset protects a branch without setting this flag.
    protected: false,
    protection: {
      enabled: false,
      required_status_checks: { enforcement_level: 'off', contexts: [], checks: [] },
    },
    protection_url: `${url}/branches/${name}/protection`,
  };
  return { status: 200, body };
}

export const branchRoutes: readonly RepositoryRoute[] = [
  ['GET', '/branches', 'contents=read', listBranches],
  ['GET', '/branches/{branch*}', 'contents=read', getBranch],
];
