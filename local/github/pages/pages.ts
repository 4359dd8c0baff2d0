import type { IncomingMessage } from 'node:http';
import type { GitHub } from '../github.ts';
import { pullDiff } from '../pulls/pull-json.ts';
import type { Repository } from '../repositories/repository.ts';
import { serveAction } from './actions.ts';
import { type Page, textPage } from './page.ts';
import { pullPage } from './pull-page.ts';
import { repositoryPage } from './repository-page.ts';

/** `/{owner}/{name}`, `/{owner}/{name}/pull/{number}` and `….diff`. */
const PATH = /^\/([^/]+)\/([^/]+)(?:\/pull\/([1-9]\d{0,8})(\.diff)?)?\/?$/;
const LOG_PATH = /^\/([^/]+)\/([^/]+)\/logs\/(\d+)$/;

/**
 * The page of a repository or of a pull request, its diff as text, the log of a check, or what came of a button. Returns
 * undefined for any other path.
 */
export async function servePage(
  github: GitHub,
  request: IncomingMessage,
  path: string,
): Promise<Page | undefined> {
  if (request.method === 'GET' || request.method === 'HEAD') {
    const page = await readPage(github, path);
    if (page) return page;
  }
  return serveAction(github, request, path);
}

async function readPage(github: GitHub, path: string): Promise<Page | undefined> {
  const [, of, project, run] = LOG_PATH.exec(path) ?? [];
  if (run) return logOf(github.repositories.find(of!, project!), Number(run));
  const [, owner, name, number, diff] = PATH.exec(path) ?? [];
  const repository = owner && name ? github.repositories.find(owner, name) : undefined;
  if (!repository) return undefined;
  if (!number) return repositoryPage(github, repository);
  const pull = await repository.pulls.find(Number(number));
  if (!pull) return undefined;
  return diff ? textPage(await pullDiff(repository, pull)) : pullPage(github, repository, pull);
}

async function logOf(repository: Repository | undefined, id: number): Promise<Page | undefined> {
  const run = await repository?.checks.find((one) => one.id === id);
  return run && textPage(run.text ?? '');
}
