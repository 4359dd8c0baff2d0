import type { Answer, Call, Route } from './api.ts';
import { GitHubError } from './github-error.ts';

async function getRateLimit({ github, caller }: Call): Promise<Answer> {
  const core = github.limits.read(caller.account);
  if (!core) throw new GitHubError(404, 'Rate limiting is not enabled.');
  const unused = { ...core, used: 0, remaining: core.limit };
  return { status: 200, body: { resources: { core, search: unused, graphql: unused }, rate: core } };
}

export const metaRoutes: readonly Route[] = [
  [
    'GET',
    '',
    '',
    async ({ github: { apiUrl } }) => ({
      status: 200,
      body: {
        current_user_url: `${apiUrl}/user`,
        current_user_repositories_url: `${apiUrl}/user/repos{?page,per_page}`,
        organization_repositories_url: `${apiUrl}/orgs/{org}/repos{?page,per_page}`,
        repository_url: `${apiUrl}/repos/{owner}/{repo}`,
      },
    }),
  ],
  // An Enterprise host says its version here; this says that it is none.
  [
    'GET',
    '/meta',
    '',
    async () => ({
      status: 200,
      body: { verifiable_password_authentication: false, installed_version: 'cody-batch-local' },
    }),
  ],
  ['GET', '/rate_limit', '', getRateLimit],
];
