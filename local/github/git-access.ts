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
  /** With its question mark. */
  search: string;
};

/** git asks again with its credential when it is told to; without this it gives up. */
const challenge = (): GitHubError =>
  new GitHubError(401, 'Requires authentication', {
    headers: { 'www-authenticate': 'Basic realm="GitHub"' },
  });

/**
 * The repository that a git request is about. Throws where the caller may not fetch from it, or push to it: 401 asks
 * for a credential, 301 leads to a repository's new name.
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
