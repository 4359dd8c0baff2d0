import type { Answer, Call, RepositoryRoute, Route } from './api.ts';
import { blobRoutes } from './blobs.ts';
import { branchRoutes } from './branches.ts';
import { commitRoutes } from './commits.ts';
import { compareRoutes } from './compare.ts';
import { contentRoutes } from './contents.ts';
import { GitHubError, notFound } from './github-error.ts';
import { issueRoutes } from './issues.ts';
import { mergeRoutes } from './merge.ts';
import { metaRoutes } from './meta.ts';
import { pullRoutes } from './pulls.ts';
import { refRoutes } from './refs.ts';
import { apiUrlOf, htmlUrlOf, ownedRepositoryRoutes, repositoryRoutes } from './repositories.ts';
import { treeRoutes } from './trees.ts';
import { userRoutes } from './users.ts';

const underRepository = ([method, template, handler]: RepositoryRoute): Route => [
  method,
  `/repos/{owner}/{repo}${template}`,
  async (call) => {
    const { github, params } = call;
    const repository = github.repositories.find(params.owner ?? '', params.repo ?? '');
    if (!repository) throw notFound();
    const url = apiUrlOf(github, repository);
    return handler({ ...call, repository, url, htmlUrl: htmlUrlOf(github, repository) });
  },
];

const REPOSITORY_ROUTES: readonly RepositoryRoute[] = [
  ...repositoryRoutes,
  ...branchRoutes,
  ...refRoutes,
  ...blobRoutes,
  ...treeRoutes,
  ...commitRoutes,
  ...compareRoutes,
  ...contentRoutes,
  ...pullRoutes,
  ...mergeRoutes,
  ...issueRoutes,
];

const ROUTES: readonly Route[] = [
  ...metaRoutes,
  ...userRoutes,
  ...ownedRepositoryRoutes,
  ...REPOSITORY_ROUTES.map(underRepository),
];

function patternOf(template: string): RegExp {
  const source = template.replace(
    /\{(\w+)(\*?)\}/g,
    (_, name, many) => `(?<${name}>${many ? '.+' : '[^/]+'})`,
  );
  return new RegExp(`^${source}$`);
}

const PATTERNS = ROUTES.map(([method, template, handler]) => ({
  method,
  pattern: patternOf(template),
  handler,
}));

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw notFound();
  }
}

/**
 * Answers one request below `/api/v3`, `path` being what follows that. Throws 501 for what is not in the table, before
 * the body is read.
 */
export async function route(
  method: string,
  path: string,
  call: Omit<Call, 'params' | 'body'>,
  readBody: () => Promise<unknown>,
): Promise<Answer> {
  for (const { method: ours, pattern, handler } of PATTERNS) {
    const match = ours === method ? pattern.exec(path) : null;
    if (!match) continue;
    const params = Object.entries(match.groups ?? {}).map(([name, text]) => [name, decode(text)]);
    return handler({ ...call, params: Object.fromEntries(params), body: await readBody() });
  }
  throw new GitHubError(501, `The local GitHub does not implement ${method} ${path}`);
}
