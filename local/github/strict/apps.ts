import { z } from 'zod';
import { accountId, nodeId, ownerJson } from '../accounts/accounts.ts';
import type { Permissions } from '../accounts/caller.ts';
import { appSlugOf } from '../names.ts';
import type { Repository } from '../repositories/repository.ts';
import { repositoryJson } from '../repositories/repository-json.ts';
import type { Answer, Call, Route } from '../rest/call.ts';
import { notFound, unprocessable } from '../rest/github-error.ts';
import { parseBody } from '../rest/parse-body.ts';
import type { GitHubUrls } from '../urls.ts';
import { undecodable } from './app-jwt.ts';
import type { AppOptions, Installation } from './app-store.ts';

const level = z.enum(['read', 'write', 'admin']);
const newToken = z.object({
  repositories: z.array(z.string()).optional(),
  repository_ids: z.array(z.number().int()).optional(),
  permissions: z.record(z.string(), level).optional(),
});

/** Apps are options here, without a date of their own. */
const CREATED = '2020-01-01T00:00:00Z';

/** Every app has this permission. */
const METADATA = { metadata: 'read' } as const;

function requireApp({ github, caller }: Call): AppOptions {
  const app = caller.kind === 'app' ? github.apps.find(caller.appId ?? 0) : undefined;
  if (!app) throw undecodable();
  return app;
}

export function appJson(urls: GitHubUrls, app: AppOptions): Record<string, unknown> {
  const slug = appSlugOf(app);
  return {
    id: app.id,
    slug,
    node_id: nodeId('App', app.id),
    owner: ownerJson(urls, app.installations[0]?.account ?? slug),
    name: slug,
    description: null,
    external_url: `${urls.url}/apps/${slug}`,
    html_url: `${urls.url}/apps/${slug}`,
    created_at: CREATED,
    updated_at: CREATED,
    permissions: { ...METADATA, ...app.permissions },
    events: [],
    installations_count: app.installations.length,
  };
}

function installationJson(urls: GitHubUrls, { id, account, repositories, app }: Installation): object {
  const owner = ownerJson(urls, account);
  return {
    id,
    account: owner,
    repository_selection: repositories ? 'selected' : 'all',
    access_tokens_url: `${urls.apiUrl}/app/installations/${id}/access_tokens`,
    repositories_url: `${urls.apiUrl}/installation/repositories`,
    html_url: `${urls.url}/settings/installations/${id}`,
    app_id: app.id,
    app_slug: appSlugOf(app),
    target_id: accountId(account),
    target_type: owner.type,
    permissions: { ...METADATA, ...app.permissions },
    events: [],
    created_at: CREATED,
    updated_at: CREATED,
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: null,
    suspended_at: null,
  };
}

async function getInstallation(call: Call): Promise<Answer> {
  const { github, params } = call;
  const app = requireApp(call);
  const repository = github.repositories.find(params.owner ?? '', params.repo ?? '');
  const installation = repository && github.apps.installationOn(app, repository);
  if (!installation) throw notFound();
  return { status: 200, body: installationJson(github, installation) };
}

/** Returns undefined for all. Throws 422 for a repository outside the installation. */
function chosenRepositories(
  { github }: Call,
  installation: Installation,
  { repositories: names, repository_ids: ids }: z.infer<typeof newToken>,
): Repository[] | undefined {
  if (!names && !ids) return undefined;
  const { account } = installation;
  const chosen = [
    ...(names ?? []).map((name) => github.repositories.find(account, name)),
    ...(ids ?? []).map((id) => github.repositories.findById(id)),
  ];
  return chosen.map((repository) => {
    if (repository && github.apps.reaches(installation, repository)) return repository;
    throw unprocessable(
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    );
  });
}

function chosenPermissions({ app }: Installation, wanted: Permissions | undefined): Permissions {
  for (const [name, wantedLevel] of Object.entries(wanted ?? {})) {
    const granted = name === 'metadata' ? 'read' : app.permissions[name];
    if (!granted || (granted === 'read' && wantedLevel !== 'read')) {
      throw unprocessable('The permissions requested are not granted to this installation.');
    }
  }
  return { ...METADATA, ...(wanted ?? app.permissions) };
}

async function createToken(call: Call): Promise<Answer> {
  const { github, params } = call;
  const app = requireApp(call);
  const installation = github.apps.installation(app, Number(params.id));
  if (!installation) throw notFound();
  const wanted = parseBody(call, 'InstallationToken', newToken);
  const repositories = chosenRepositories(call, installation, wanted);
  const permissions = chosenPermissions(installation, wanted.permissions);
  const { token, expires } = github.apps.createToken(installation, permissions, repositories);
  const shown = repositories && (await Promise.all(repositories.map((one) => repositoryJson(call, one))));
  const selected = repositories || installation.repositories;
  const body = {
    token,
    expires_at: expires,
    permissions,
    repository_selection: selected ? 'selected' : 'all',
    ...(shown && { repositories: shown }),
  };
  return { status: 201, body };
}

export const appRoutes: readonly Route[] = [
  ['GET', '/app', '', async (call) => ({ status: 200, body: appJson(call.github, requireApp(call)) })],
  ['GET', '/repos/{owner}/{repo}/installation', '', getInstallation],
  ['POST', '/app/installations/{id}/access_tokens', '', createToken],
];
