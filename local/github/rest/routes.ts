import { userRoutes } from '../accounts/users.ts';
import type { GitHub } from '../github.ts';
import { blobRoutes } from '../objects/blobs.ts';
import { branchRoutes } from '../objects/branches.ts';
import { commitRoutes } from '../objects/commits.ts';
import { compareRoutes } from '../objects/compare.ts';
import { contentRoutes } from '../objects/contents.ts';
import { refRoutes } from '../objects/refs.ts';
import { treeRoutes } from '../objects/trees.ts';
import { commentRoutes } from '../pulls/comments.ts';
import { labelRoutes } from '../pulls/labels.ts';
import { mergeRoutes } from '../pulls/merge.ts';
import { pullRoutes } from '../pulls/pulls.ts';
import { reviewerRoutes } from '../pulls/reviewers.ts';
import { reviewRoutes } from '../pulls/reviews.ts';
import { checkRoutes } from '../repositories/checks.ts';
import { ownedRepositoryRoutes, repositoryRoutes } from '../repositories/repositories.ts';
import type { Repository } from '../repositories/repository.ts';
import { searchRoutes } from '../repositories/search.ts';
import { archived, callersRole, requireAccess, requireOwner, requirePermission } from '../strict/access.ts';
import { appRoutes } from '../strict/apps.ts';
import { collaboratorRoutes } from '../strict/collaborators.ts';
import { rulesetRoutes } from '../strict/rulesets.ts';
import { teamRoutes } from '../strict/teams.ts';
import { apiUrlOf, htmlUrlOf } from '../urls.ts';
import type { Answer, Call, RepositoryRoute, Route } from './call.ts';
import { GitHubError, notFound } from './github-error.ts';
import { metaRoutes } from './meta.ts';

/**
 * Redirects from a former name to the repository's id: 301 for a GET, 307 for others, which must keep
 * their method.
 */
function redirectTo(
  { record }: Repository,
  { github, location, params, query }: Call,
  method: string,
): Answer {
  const rest = location.slice(`${github.apiUrl}/repos/${params.owner}/${params.repo}`.length);
  const search = query.size > 0 ? `?${query}` : '';
  const url = `${github.apiUrl}/repositories/${record.id}${rest}${search}`;
  return {
    status: method === 'GET' ? 301 : 307,
    headers: { location: url },
    body: {
      message: 'Moved Permanently',
      url,
      documentation_url:
        'https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects',
    },
  };
}

/** Throws if the repository's state forbids the request for every caller: blocked, archived or empty. */
async function requireUsable(
  { disabled }: GitHub,
  repository: Repository,
  { method, template }: { method: string; template: string },
): Promise<void> {
  if (disabled.has(repository.fullName.toLowerCase())) {
    throw new GitHubError(403, 'Repository access blocked', {
      body: { block: { reason: 'tos', created_at: repository.record.createdAt, html_url: null } },
    });
  }
  // Deleting or unarchiving the repository itself is allowed.
  if (repository.record.archived && method !== 'GET' && template !== '') throw archived();
  const needsCommit = template.startsWith('/git/') || template.startsWith('/commits/');
  if (needsCommit && (await repository.isEmpty())) throw new GitHubError(409, 'Git Repository is empty.');
}

const underRepository = ([method, template, permission, handler]: RepositoryRoute): Route => [
  method,
  `/repos/{owner}/{repo}${template}`,
  permission,
  async (call) => {
    const { github, params, caller } = call;
    const { owner = '', repo = '' } = params;
    const repository = github.repositories.find(owner, repo);
    if (!repository) {
      const renamed = github.repositories.findRenamed(owner, repo);
      if (!renamed || !callersRole(caller, renamed)) throw notFound();
      return redirectTo(renamed, call, method);
    }
    requireAccess(caller, repository, permission);
    await requireUsable(github, repository, { method, template });
    const url = apiUrlOf(github, repository);
    return handler({ ...call, repository, url, htmlUrl: htmlUrlOf(github, repository) });
  },
];

const underNothing = ([method, template, permission, handler]: Route): Route => [
  method,
  template,
  permission,
  async (call) => {
    requirePermission(call.caller, permission);
    if (permission.endsWith('=write')) requireOwner(call.caller, permission);
    return handler(call);
  },
];

const REPOSITORY_ROUTES: readonly RepositoryRoute[] = [
  ...repositoryRoutes,
  ...branchRoutes,
  ...refRoutes,
  ...blobRoutes,
  ...treeRoutes,
  ...checkRoutes,
  ...commitRoutes,
  ...compareRoutes,
  ...contentRoutes,
  ...pullRoutes,
  ...mergeRoutes,
  ...labelRoutes,
  ...commentRoutes,
  ...reviewerRoutes,
  ...reviewRoutes,
  ...collaboratorRoutes,
  ...rulesetRoutes,
];

/** Every route, in the order in which paths are matched. */
export const ROUTES: readonly Route[] = [
  ...[
    ...metaRoutes,
    ...userRoutes,
    ...ownedRepositoryRoutes,
    ...teamRoutes,
    ...appRoutes,
    ...searchRoutes,
  ].map(underNothing),
  ...REPOSITORY_ROUTES.map(underRepository),
];

function patternOf(template: string): RegExp {
  const source = template.replace(
    /\{(\w+)(\*?)\}/g,
    (_, name, many) => `(?<${name}>${many ? '.+' : '[^/]+'})`,
  );
  return new RegExp(`^${source}$`);
}

const PATTERNS = ROUTES.map((route) => ({ route, pattern: patternOf(route[1]) }));

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw notFound();
  }
}

export type Matched = { route: Route; params: Readonly<Record<string, string>> };

/** The route for a `path` below `/api/v3`. Throws 501 if there is none. */
export function findRoute(method: string, path: string): Matched {
  for (const { route, pattern } of PATTERNS) {
    const match = route[0] === method ? pattern.exec(path) : null;
    if (!match) continue;
    const params = Object.entries(match.groups ?? {}).map(([name, text]) => [name, decode(text)]);
    return { route, params: Object.fromEntries(params) };
  }
  throw new GitHubError(501, `The local GitHub does not implement ${method} ${path}`);
}
