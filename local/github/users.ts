import { accountJson, LOCAL_USER } from './accounts.ts';
import { type Answer, type Call, paginated, type Route } from './api.ts';
import { notFound } from './github-error.ts';
import { repositoryJson } from './repositories.ts';

/** An organization exists while it owns a repository. */
function requireAccount({ github, params }: Call, kind: 'any' | 'organization'): string {
  const login = params.login ?? '';
  const isUser = login.toLowerCase() === LOCAL_USER;
  if (isUser && kind === 'any') return LOCAL_USER;
  const owned = github.repositories.ofOwner(login)[0];
  if (isUser || !owned) throw notFound();
  return owned.record.owner;
}

const repositoriesOf = (call: Call, login: string): Promise<Answer> =>
  paginated(call, call.github.repositories.ofOwner(login), (repository) =>
    repositoryJson(call.github, repository),
  );

export const userRoutes: readonly Route[] = [
  ['GET', '/user', async ({ github }) => ({ status: 200, body: accountJson(github, LOCAL_USER) })],
  [
    'GET',
    '/user/repos',
    (call) =>
      paginated(call, call.github.repositories.all(), (repository) =>
        repositoryJson(call.github, repository),
      ),
  ],
  [
    'GET',
    '/users/{login}',
    async (call) => ({ status: 200, body: accountJson(call.github, requireAccount(call, 'any')) }),
  ],
  ['GET', '/users/{login}/repos', async (call) => repositoriesOf(call, requireAccount(call, 'any'))],
  [
    'GET',
    '/orgs/{login}',
    async (call) => ({ status: 200, body: accountJson(call.github, requireAccount(call, 'organization')) }),
  ],
  ['GET', '/orgs/{login}/repos', async (call) => repositoriesOf(call, requireAccount(call, 'organization'))],
];
