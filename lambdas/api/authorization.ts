import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { isRole, type Role, SCOPE_PREFIX, suffices } from '../../core/roles.ts';
import type { Settings } from '../../core/settings.ts';
import { HttpError } from './problem.ts';

/** A token's claims as API Gateway's JWT authorizer passes them on, once it has verified the token. */
type Claims = Readonly<Record<string, unknown>>;

/** Cognito's claim, in which a role has no prefix: names of Cognito's groups hold no spaces, so that none can pose as two. */
const COGNITO_GROUPS = 'cognito:groups';

/** The longest address: RFC 3696, erratum 1690. */
const MAX_CALLER = 320;

/**
 * Who calls, for the record and for Idempotency-Keys: an address that the issuer says is verified, else the token's
 * subject. A subject that looks like an address is marked, so that it cannot pose as the person who has it.
 */
export function callerOf(event: APIGatewayProxyEventV2): string | undefined {
  const { email, email_verified: verified, sub } = claimsOf(event) ?? {};
  if (typeof email === 'string' && email.length <= MAX_CALLER && String(verified) === 'true') return email;
  if (typeof sub !== 'string') return undefined;
  return (sub.includes('@') ? `sub:${sub}` : sub).slice(0, MAX_CALLER);
}

/**
 * Throws 401 where no token was verified, and 403 where its roles do not suffice. Without an authorizer in front, as on
 * one machine, AUTHORIZATION=none says so; its default refuses whatever comes without a verified token.
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
      `${method} ${path} came without a verified token. Send "Authorization: Bearer …"; where API Gateway has no authorizer in front of this function, it is not deployed as it should be.`,
      { 'www-authenticate': 'Bearer' },
    );
  }
  const had = [...rolesOf(groupsOf(event, claims, ROLES_CLAIM), ROLES_CLAIM), ...rolesOfClient(claims)];
  if (suffices(had, role)) return;
  throw new HttpError(
    403,
    `${method} ${path} needs the role ${role}; this token has ${had.join(', ') || 'none'}. An administrator puts a person into a group (claim ${ROLES_CLAIM}), and gives a machine the scope ${SCOPE_PREFIX}${role}.`,
  );
}

function claimsOf(event: APIGatewayProxyEventV2): Claims | undefined {
  const { authorizer } = event.requestContext as { authorizer?: { jwt?: { claims?: Claims | null } } };
  return authorizer?.jwt?.claims ?? undefined;
}

/**
 * HTTP APIs make one string of a list, in which a group named `x cody-batch/admin` looks like two. Groups of Cognito's have
 * no blanks in their names; of another issuer's the token itself is read, which the authorizer has verified.
 */
function groupsOf(event: APIGatewayProxyEventV2, claims: Claims, name: string): unknown {
  const claim = claims[name];
  if (name === COGNITO_GROUPS || typeof claim !== 'string') return claim;
  const list = /^\[(.*)\]$/s.exec(claim)?.[1];
  if (list === undefined || !/\s/.test(list)) return claim;
  const whole = tokenOf(event)?.[name];
  // As one name, which is no role.
  return Array.isArray(whole) ? whole : [list];
}

/** The claims of the token as they are in it; undefined where the request shows none. */
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
 * Scopes are what a client asked for, so they say what a machine may do only in a token of its own (the client
 * credentials grant): in a person's they would give whoever signs in by that client the same role.
 */
function rolesOfClient(claims: Claims): Role[] {
  const { sub, client_id, cid, azp, scope, scp } = claims;
  // Cognito's and Okta's subject is the client itself, Auth0's is `{client}@clients`.
  const isOwn = [client_id, cid, azp].some((id) => id && (sub === id || sub === `${id}@clients`));
  return isOwn ? [...rolesOf(scope, 'scope'), ...rolesOf(scp, 'scp')] : [];
}

/** HTTP APIs make strings of all claims: a list is `[one two]`, and scopes are `one two`. */
function namesIn(claim: unknown): string[] {
  if (Array.isArray(claim)) return claim.filter((entry) => typeof entry === 'string');
  if (typeof claim !== 'string') return [];
  return claim
    .replace(/^\[(.*)\]$/s, '$1')
    .split(/\s+/)
    .filter(Boolean);
}
