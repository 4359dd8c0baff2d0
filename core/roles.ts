/** What callers of the API may do; each may also do what those before it may. */
export const ROLES = {
  viewer: 'Reads jobs and results.',
  runner: 'Starts, cancels and retries jobs, which spends money, and opens pull requests.',
  admin: 'Deletes jobs.',
} as const;

export type Role = keyof typeof ROLES;

/** The scope that gives a machine a role, and the name of the role in the claim of an issuer of one's own. */
export const SCOPE_PREFIX = 'cody-batch/';

const IN_ORDER = Object.keys(ROLES) as Role[];

export function isRole(name: string): name is Role {
  return Object.hasOwn(ROLES, name);
}

/** Whether one of the roles had is the one needed, or more. */
export function suffices(had: readonly Role[], needed: Role): boolean {
  return had.some((role) => IN_ORDER.indexOf(role) >= IN_ORDER.indexOf(needed));
}
