import type { GitHub } from '../github.ts';
import type { Repository } from '../repositories/repository.ts';
import { repositoryJson } from '../repositories/repository-json.ts';
import type { Answer, Call, Route } from '../rest/call.ts';
import { GitHubError, notFound } from '../rest/github-error.ts';
import { paginated } from '../rest/paginated.ts';
import { callersRole } from '../strict/access.ts';
import { accountId, accountJson, LOCAL_USER, nodeId } from './accounts.ts';

/** Returns the organization's name with its own case. Throws 404 unless it owns a repository. */
export function requireOrganization({ github, params }: Call): string {
  const login = params.login ?? '';
  const organization = github.repositories.findOwner(login);
  if (login.toLowerCase() === LOCAL_USER || !organization) throw notFound();
  return organization;
}

/** Accounts are not created here, so they have no date of their own; this is before any repository's. */
const CREATED = '2020-01-01T00:00:00Z';

const counts = (github: GitHub, login: string): Record<string, unknown> => ({
  public_repos: github.repositories.ofOwner(login).filter(({ record }) => !record.private).length,
  public_gists: 0,
  followers: 0,
  following: 0,
  created_at: CREATED,
  updated_at: CREATED,
});

const userJson = (github: GitHub, login: string): Record<string, unknown> => ({
  ...accountJson(github, login),
  ...counts(github, login),
  name: null,
  company: null,
  blog: '',
  location: null,
  email: null,
  hireable: null,
  bio: null,
});

export function organizationJson(github: GitHub, login: string): Record<string, unknown> {
  const url = `${github.apiUrl}/orgs/${login}`;
  return {
    login,
    id: accountId(login),
    node_id: nodeId('Organization', accountId(login)),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${github.url}/${login}.png`,
    html_url: `${github.url}/${login}`,
    description: null,
    ...counts(github, login),
    has_organization_projects: true,
    has_repository_projects: true,
    type: 'Organization',
    archived_at: null,
  };
}

async function getUser(call: Call): Promise<Answer> {
  const { github, params } = call;
  const login = params.login ?? '';
  const organization = login.toLowerCase() === LOCAL_USER ? undefined : github.repositories.findOwner(login);
  if (organization) {
    const type = accountJson(github, organization, 'Organization');
    return { status: 200, body: { ...userJson(github, organization), ...type } };
  }
  if (login.toLowerCase() !== LOCAL_USER) throw notFound();
  return { status: 200, body: userJson(github, LOCAL_USER) };
}

/**
 * Returns the caller's login. Throws 401 for an anonymous caller and 403 for an installation, as GitHub
 * does.
 */
function requireUser({ caller: { kind, login } }: Call): string {
  if (kind === 'anonymous') throw new GitHubError(401, 'Requires authentication');
  if (kind !== 'user' || !login) throw new GitHubError(403, 'Resource not accessible by integration');
  return login;
}

const repositoriesOf = (call: Call, owned: readonly Repository[]): Promise<Answer> =>
  paginated(
    call,
    owned.filter((repository) => callersRole(call.caller, repository) !== undefined),
    (repository) => repositoryJson(call, repository),
  );

export const userRoutes: readonly Route[] = [
  ['GET', '/user', '', async (call) => ({ status: 200, body: userJson(call.github, requireUser(call)) })],
  [
    'GET',
    '/user/repos',
    'metadata=read',
    async (call) => {
      requireUser(call);
      return repositoriesOf(call, call.github.repositories.all());
    },
  ],
  ['GET', '/users/{login}', '', getUser],
  [
    'GET',
    '/users/{login}/repos',
    'metadata=read',
    async (call) => {
      await getUser(call);
      return repositoriesOf(call, call.github.repositories.ofOwner(call.params.login ?? ''));
    },
  ],
  [
    'GET',
    '/orgs/{login}',
    '',
    async (call) => ({ status: 200, body: organizationJson(call.github, requireOrganization(call)) }),
  ],
  [
    'GET',
    '/orgs/{login}/repos',
    'metadata=read',
    async (call) => repositoriesOf(call, call.github.repositories.ofOwner(requireOrganization(call))),
  ],
];
