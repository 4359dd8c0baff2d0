import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { ALL_REPOSITORIES, accessOfGroups, type RepositoryAccess } from '../../core/repository-access.ts';
import { isRole, ROLES, type Role, SCOPE_PREFIX, suffices } from '../../core/roles.ts';
import type { Settings } from '../../core/settings.ts';
import { HttpError } from './problem.ts';

/** The claims of a verified token, as API Gateway's JWT authorizer passes them on. */
type Claims = Readonly<Record<string, unknown>>;

/** Cognito's claim. Its roles need no prefix, because names of Cognito groups have no spaces and cannot pose as two groups. */
const COGNITO_GROUPS = 'cognito:groups';

/** The maximum length of an e-mail address: RFC 3696, erratum 1690. */
const MAX_CALLER = 320;

/**
 * The caller, for `createdBy` and Idempotency-Keys: the verified e-mail address, or else the token's subject. A subject
 * that looks like an address gets a prefix, so that it cannot pose as that address.
 */
export function callerOf(event: APIGatewayProxyEventV2): string | undefined {
  const { email, email_verified: verified, sub } = claimsOf(event) ?? {};
  if (typeof email === 'string' && email.length <= MAX_CALLER && String(verified) === 'true') return email;
  if (typeof sub !== 'string') return undefined;
  return (sub.includes('@') ? `sub:${sub}` : sub).slice(0, MAX_CALLER);
}

/**
 * Throws 401 if the request has no verified token, and 403 if the token's roles do not allow the route. AUTHORIZATION=none
 * turns this off, for one machine; by default every request needs a verified token.
 */
export function authorize(
  event: APIGatewayProxyEventV2,
  { method, path, role }: { method: string; path: string; role: Role | 'open' },
  { AUTHORIZATION, ROLES_CLAIM }: Pick<Settings, 'AUTHORIZATION' | 'ROLES_CLAIM'>,
): void {
  if (role === 'open' || AUTHORIZATION === 'none') return;
  const claims = claimsOf(event);
  if (!claims) {
    throw new HttpError(
      401,
      `${method} ${path} needs a verified token, and the request has none. Send "Authorization: Bearer …". If you did, this function runs without API Gateway's authorizer: deploy it again.`,
      { 'www-authenticate': 'Bearer' },
    );
  }
  const had = rolesOfCaller(event, claims, ROLES_CLAIM);
  if (suffices(had, role)) return;
  throw new HttpError(
    403,
    `${method} ${path} needs the role ${role}; this token has ${had.join(', ') || 'none'}. Ask an administrator to add you to the group (claim ${ROLES_CLAIM}), or to give a machine the scope ${SCOPE_PREFIX}${role}.`,
  );
}

/** The roles that the caller has; all of them if callers are not verified. */
export function callerRoles(
  event: APIGatewayProxyEventV2,
  { AUTHORIZATION, ROLES_CLAIM }: Pick<Settings, 'AUTHORIZATION' | 'ROLES_CLAIM'>,
): Role[] {
  const names = Object.keys(ROLES) as Role[];
  if (AUTHORIZATION === 'none') return names;
  const claims = claimsOf(event);
  const had = claims ? rolesOfCaller(event, claims, ROLES_CLAIM) : [];
  return names.filter((role) => suffices(had, role));
}

/** Which repositories the caller may touch; all of them if callers are not verified. */
export function accessOf(
  event: APIGatewayProxyEventV2,
  settings: Pick<Settings, 'AUTHORIZATION' | 'ROLES_CLAIM' | 'REPOSITORY_GROUPS'>,
): RepositoryAccess {
  const { AUTHORIZATION, ROLES_CLAIM, REPOSITORY_GROUPS } = settings;
  if (AUTHORIZATION === 'none') return ALL_REPOSITORIES;
  const claims = claimsOf(event);
  const groups = claims ? namesIn(groupsOf(event, claims, ROLES_CLAIM)) : [];
  return accessOfGroups(REPOSITORY_GROUPS, [...groups, ...(claims ? scopesOfClient(claims) : [])]);
}

function rolesOfCaller(event: APIGatewayProxyEventV2, claims: Claims, name: string): Role[] {
  return [...rolesOf(groupsOf(event, claims, name), name), ...rolesOf(scopesOfClient(claims), 'scope')];
}

function claimsOf(event: APIGatewayProxyEventV2): Claims | undefined {
  const { authorizer } = event.requestContext as { authorizer?: { jwt?: { claims?: Claims | null } } };
  return authorizer?.jwt?.claims ?? undefined;
}

/**
 * HTTP APIs join a list into one string, in which a group named `x cody-batch/admin` looks like two. Names of Cognito groups
 * have no spaces; for another issuer, the list is read from the token itself, which the authorizer has verified.
 */
function groupsOf(event: APIGatewayProxyEventV2, claims: Claims, name: string): unknown {
  const claim = claims[name];
  if (name === COGNITO_GROUPS || typeof claim !== 'string') return claim;
  const list = /^\[(.*)\]$/s.exec(claim)?.[1];
  if (list === undefined || !/\s/.test(list)) return claim;
  const whole = tokenOf(event)?.[name];
  // As a single name it is not a role.
  return Array.isArray(whole) ? whole : [list];
}

/** The claims as the token has them; undefined if the request has no readable token. */
function tokenOf({ headers }: APIGatewayProxyEventV2): Claims | undefined {
  const [, payload = ''] =
    /^(?:Bearer +)?[\w-]+\.([\w-]+)\.[\w-]+$/i.exec(headers?.authorization ?? '') ?? [];
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims;
  } catch {
    return undefined;
  }
}

function rolesOf(claim: unknown, name: string): Role[] {
  const prefix = name === COGNITO_GROUPS ? '' : SCOPE_PREFIX;
  return namesIn(claim).flatMap((entry) => {
    const role = entry.startsWith(prefix) ? entry.slice(prefix.length) : '';
    return isRole(role) ? [role] : [];
  });
}

/**
 * The scopes, only of a machine's token (the client credentials grant). In a person's token, the client chose the
 * scopes, so they would give every person who signs in through it the same role.
 */
function scopesOfClient(claims: Claims): string[] {
  const { sub, client_id, cid, azp, scope, scp } = claims;
  // Cognito's and Okta's subject is the client itself, Auth0's is `{client}@clients`.
  const isOwn = [client_id, cid, azp].some((id) => id && (sub === id || sub === `${id}@clients`));
  return isOwn ? [...namesIn(scope), ...namesIn(scp)] : [];
}

/** HTTP APIs turn claims into strings: a list is `[one two]`, and scopes are `one two`. */
function namesIn(claim: unknown): string[] {
  if (Array.isArray(claim)) return claim.filter((entry) => typeof entry === 'string');
  if (typeof claim !== 'string') return [];
  return claim
    .replace(/^\[(.*)\]$/s, '$1')
    .split(/\s+/)
    .filter(Boolean);
}
