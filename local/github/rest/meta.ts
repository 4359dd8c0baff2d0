import type { Answer, Call, Route } from './call.ts';
import { GitHubError } from './github-error.ts';

async function getRateLimit({ github, caller }: Call): Promise<Answer> {
  const core = github.limits.read(caller.account);
  if (!core) throw new GitHubError(404, 'Rate limiting is not enabled.');
  const unused = { ...core, used: 0, remaining: core.limit };
  return { status: 200, body: { resources: { core, search: unused, graphql: unused }, rate: core } };
}

/** GitHub's links at the root. Most lead to routes that the local GitHub answers with 501. */
const LINKS: Readonly<Record<string, string>> = {
  current_user_url: '/user',
  current_user_authorizations_html_url: '/settings/connections/applications{/client_id}',
  authorizations_url: '/authorizations',
  code_search_url: '/search/code?q={query}{&page,per_page,sort,order}',
  commit_search_url: '/search/commits?q={query}{&page,per_page,sort,order}',
  emails_url: '/user/emails',
  emojis_url: '/emojis',
  events_url: '/events',
  feeds_url: '/feeds',
  followers_url: '/user/followers',
  following_url: '/user/following{/target}',
  gists_url: '/gists{/gist_id}',
  issue_search_url: '/search/issues?q={query}{&page,per_page,sort,order}',
  issues_url: '/issues',
  keys_url: '/user/keys',
  label_search_url: '/search/labels?q={query}&repository_id={repository_id}{&page,per_page}',
  notifications_url: '/notifications',
  organization_url: '/orgs/{org}',
  organization_repositories_url: '/orgs/{org}/repos{?type,page,per_page,sort}',
  organization_teams_url: '/orgs/{org}/teams',
  public_gists_url: '/gists/public',
  rate_limit_url: '/rate_limit',
  repository_url: '/repos/{owner}/{repo}',
  repository_search_url: '/search/repositories?q={query}{&page,per_page,sort,order}',
  current_user_repositories_url: '/user/repos{?type,page,per_page,sort}',
  starred_url: '/user/starred{/owner}{/repo}',
  starred_gists_url: '/gists/starred',
  user_url: '/users/{user}',
  user_organizations_url: '/user/orgs',
  user_repositories_url: '/users/{user}/repos{?type,page,per_page,sort}',
  user_search_url: '/search/users?q={query}{&page,per_page,sort,order}',
};

async function getRoot({ github }: Call): Promise<Answer> {
  const links = Object.entries(LINKS).map(([name, path]) => [name, `${github.apiUrl}${path}`]);
  return { status: 200, body: Object.fromEntries(links) };
}

// A GitHub Enterprise host gives its version here.
const getMeta = async (): Promise<Answer> => ({
  status: 200,
  body: { verifiable_password_authentication: false, installed_version: 'cody-batch-local' },
});

export const metaRoutes: readonly Route[] = [
  ['GET', '', '', getRoot],
  ['GET', '/meta', '', getMeta],
  ['GET', '/rate_limit', '', getRateLimit],
];
