import { z } from 'zod';
import { accountJson } from '../accounts/accounts.ts';
import { permissionsOf, ROLES, type Role } from '../accounts/roles.ts';
import { isOwnerName } from '../names.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { notFound } from '../rest/github-error.ts';
import { parseBody } from '../rest/parse-body.ts';
import { roleOf } from './access.ts';

const newCollaborator = z.object({ permission: z.enum(ROLES).default('push') });

/** The older values of `permission`, from before there were five roles. */
const LEGACY: Readonly<Record<Role, string>> = {
  pull: 'read',
  triage: 'read',
  push: 'write',
  maintain: 'write',
  admin: 'admin',
};
const ROLE_NAMES: Readonly<Record<Role, string>> = { ...LEGACY, triage: 'triage', maintain: 'maintain' };

/** Every login is a person who accepts at once; 204 is GitHub's answer for an existing member. */
async function addCollaborator(call: RepositoryCall): Promise<Answer> {
  const { repository, params } = call;
  const { permission: role } = parseBody(call, 'Collaborator', newCollaborator);
  const login = params.username ?? '';
  if (!isOwnerName(login)) throw notFound();
  const others = repository.record.collaborators.filter(
    (one) => one.login.toLowerCase() !== login.toLowerCase(),
  );
  await repository.update({ collaborators: [...others, { login, role }] });
  return { status: 204 };
}

async function getPermission({ github, repository, params }: RepositoryCall): Promise<Answer> {
  const login = params.username ?? '';
  if (!isOwnerName(login)) throw notFound();
  const role = roleOf(repository, login);
  const permission = role ? LEGACY[role] : 'none';
  const user = role && {
    ...accountJson(github, login),
    permissions: permissionsOf(role),
    role_name: ROLE_NAMES[role],
  };
  return { status: 200, body: { permission, role_name: role ? ROLE_NAMES[role] : '', user: user ?? null } };
}

export const collaboratorRoutes: readonly RepositoryRoute[] = [
  ['PUT', '/collaborators/{username}', 'administration=write', addCollaborator],
  ['GET', '/collaborators/{username}/permission', 'metadata=read', getPermission],
];
