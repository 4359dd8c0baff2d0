import { LOCAL_USER } from '../accounts/accounts.ts';
import type { Caller } from '../accounts/caller.ts';
import { type Role, roleAtLeast } from '../accounts/roles.ts';
import type { Repository } from '../repositories/repository.ts';
import { GitHubError, notFound } from '../rest/github-error.ts';

/**
 * The permission a route asks for, as `x-accepted-github-permissions` words it: `contents=write`, with `,` between those
 * that it takes together and `;` between those of which one is enough. Empty where every caller will do.
 */
export type Permission = string;

/** What a person may do with a repository; undefined where they cannot see it. */
export function roleOf(repository: Repository, login: string | undefined): Role | undefined {
  const { collaborators, private: isPrivate } = repository.record;
  if (login?.toLowerCase() === LOCAL_USER) return 'admin';
  const collaborator = collaborators.find((one) => one.login.toLowerCase() === login?.toLowerCase());
  return collaborator?.role ?? (isPrivate ? undefined : 'pull');
}

const reaches = ({ kind, repositories, owner }: Caller, { fullName, record }: Repository): boolean =>
  kind !== 'app' &&
  (owner === undefined || owner.toLowerCase() === record.owner.toLowerCase()) &&
  (repositories?.has(fullName.toLowerCase()) ?? true);

/** What a caller may do with a repository through their credential. */
export function callersRole(caller: Caller, repository: Repository): Role | undefined {
  const { kind, login, permissions } = caller;
  if (!reaches(caller, repository)) return repository.record.private ? undefined : 'pull';
  // An installation's permissions say it all; it is nobody's collaborator.
  if (kind === 'installation') return permissions?.administration === 'write' ? 'admin' : 'push';
  return roleOf(repository, login);
}

/** What a repository's role has to be for a permission such as `contents=write`. */
function leastRole(permission: Permission): Role {
  if (permission.includes('administration=write')) return 'admin';
  return permission.includes('=write') ? 'push' : 'pull';
}

/** Whether one of the alternatives is held; who can write can read. */
function holds({ permissions }: Caller, permission: Permission): boolean {
  if (!permissions || permission === '') return true;
  const isHeld = (one: string): boolean => {
    const [name = '', level] = one.trim().split('=');
    const held = name === 'metadata' ? 'read' : permissions[name];
    return held !== undefined && (level === 'read' || held !== 'read');
  };
  return permission.split(';').some((together) => together.split(',').every(isHeld));
}

export const archived = (): GitHubError => new GitHubError(403, 'Repository was archived so is read-only.');

const notAccessible = (caller: Caller, permission: Permission): GitHubError =>
  new GitHubError(
    403,
    `Resource not accessible by ${caller.kind === 'user' ? 'personal access token' : 'integration'}`,
    { headers: { 'x-accepted-github-permissions': permission } },
  );

/** Throws 403 where it is not the owner of every account who asks; nobody else makes repositories and teams. */
export function requireOwner(caller: Caller, permission: Permission): void {
  if (caller.login?.toLowerCase() !== LOCAL_USER) throw notAccessible(caller, permission);
}

/** Throws 401 or 403 where a caller's credential does not hold the permission, whatever it is about. */
export function requirePermission(caller: Caller, permission: Permission): void {
  if (permission === '') return;
  if (caller.kind === 'anonymous' && !permission.includes('=read')) {
    throw new GitHubError(401, 'Requires authentication');
  }
  if (caller.kind === 'app' || !holds(caller, permission)) throw notAccessible(caller, permission);
}

/** Throws as GitHub answers where the caller may not do this with the repository. */
export function requireAccess(caller: Caller, repository: Repository, permission: Permission): void {
  const role = callersRole(caller, repository);
  if (!role) throw notFound();
  const reading = leastRole(permission) === 'pull';
  // Anyone's token can read what is public.
  if (!(reading && !repository.record.private)) requirePermission(caller, permission);
  if (!roleAtLeast(role, leastRole(permission))) throw notAccessible(caller, permission);
}
