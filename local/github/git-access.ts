import type { IncomingHttpHeaders } from 'node:http';
import type { GitHub } from './github.ts';
import type { Repository } from './repositories/repository.ts';
import { GitHubError, notFound } from './rest/github-error.ts';
import { archived, callersRole, requireAccess } from './strict/access.ts';
import { htmlUrlOf } from './urls.ts';

export type GitAsked = {
  owner: string;
  name: string;
  service: string;
  /** Includes the question mark. */
  search: string;
};

/** The challenge makes git repeat the request with its credential; without it git gives up. */
const challenge = (): GitHubError =>
  new GitHubError(401, 'Requires authentication', {
    headers: { 'www-authenticate': 'Basic realm="GitHub"' },
  });

/**
 * The repository of a git request. Throws if the caller may not fetch from it or push to it. A 401 asks for a
 * credential; a 301 leads to the new name of a renamed repository.
 */
export function admitGit(github: GitHub, asked: GitAsked, headers: IncomingHttpHeaders): Repository {
  const { owner, name, service, search } = asked;
  const caller = github.credentials.identify(headers);
  const repository = github.repositories.find(owner, name);
  if (!repository) {
    const renamed = github.repositories.findRenamed(owner, name);
    if (!renamed || !callersRole(caller, renamed)) {
      throw caller.kind === 'anonymous' ? challenge() : notFound();
    }
    const location = `${htmlUrlOf(github, renamed)}.git/${service}${search}`;
    throw new GitHubError(301, 'Moved Permanently', { headers: { location } });
  }
  const pushes = service === 'git-receive-pack' || search.includes('service=git-receive-pack');
  if (caller.kind === 'anonymous' && (pushes || repository.record.private)) throw challenge();
  requireAccess(caller, repository, pushes ? 'contents=write' : 'contents=read');
  if (pushes && repository.record.archived) throw archived();
  if (github.disabled.has(repository.fullName.toLowerCase())) {
    throw new GitHubError(403, 'Access to this repository has been disabled by GitHub staff.');
  }
  return repository;
}
