import { LOCAL_USER } from '../accounts/accounts.ts';
import type { Caller } from '../accounts/caller.ts';
import { type Role, roleAtLeast } from '../accounts/roles.ts';
import type { Repository } from '../repositories/repository.ts';
import { GitHubError, notFound } from '../rest/github-error.ts';

/**
 * The permission that a route needs, in the form of `x-accepted-github-permissions`: `contents=write`,
 * with `,` between permissions that are needed together and `;` between alternatives. Empty if every
 * caller may use the route.
 */
export type Permission = string;

/** A person's role in a repository. Returns undefined if they cannot see it. */
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

/** A caller's role in a repository, limited by their credential. Returns undefined if they cannot see it. */
export function callersRole(caller: Caller, repository: Repository): Role | undefined {
  const { kind, login, permissions } = caller;
  if (!reaches(caller, repository)) return repository.record.private ? undefined : 'pull';
  // An installation is not a collaborator; only its permissions count.
  if (kind === 'installation') return permissions?.administration === 'write' ? 'admin' : 'push';
  return roleOf(repository, login);
}

/** The role that a permission such as `contents=write` needs. */
function leastRole(permission: Permission): Role {
  if (permission.includes('administration=write')) return 'admin';
  return permission.includes('=write') ? 'push' : 'pull';
}

/** Whether the caller holds one of the alternatives; write includes read. */
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

/** Throws 403 unless the caller is `local`: only it may create repositories and teams. */
export function requireOwner(caller: Caller, permission: Permission): void {
  if (caller.login?.toLowerCase() !== LOCAL_USER) throw notAccessible(caller, permission);
}

/** Throws 401 or 403 if the caller's credential lacks the permission, for any repository. */
export function requirePermission(caller: Caller, permission: Permission): void {
  if (permission === '') return;
  if (caller.kind === 'anonymous' && !permission.includes('=read')) {
    throw new GitHubError(401, 'Requires authentication');
  }
  if (caller.kind === 'app' || !holds(caller, permission)) throw notAccessible(caller, permission);
}

/** Throws 401, 403 or 404, as GitHub does, if the caller may not do this with the repository. */
export function requireAccess(caller: Caller, repository: Repository, permission: Permission): void {
  const role = callersRole(caller, repository);
  if (!role) throw notFound();
  const reading = leastRole(permission) === 'pull';
  // Any token may read a public repository.
  if (!(reading && !repository.record.private)) requirePermission(caller, permission);
  if (!roleAtLeast(role, leastRole(permission))) throw notAccessible(caller, permission);
}
