import type { Route } from './api.ts';

export const metaRoutes: readonly Route[] = [
  [
    'GET',
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
    async () => ({
      status: 200,
      body: { verifiable_password_authentication: false, installed_version: 'cody-batch-local' },
    }),
  ],
];
