/** The roles of callers of the API. Each includes the roles before it. */
export const ROLES = {
  viewer: 'Reads jobs and results.',
  runner: 'Starts, cancels and retries jobs, which spends money, and opens pull requests.',
  admin: 'Deletes jobs, and administers the service.',
} as const;

export type Role = keyof typeof ROLES;

/** The prefix of a role in a machine's scopes, and in the claim of other issuers than Cognito. */
export const SCOPE_PREFIX = 'cody-batch/';

const IN_ORDER = Object.keys(ROLES) as Role[];

export function isRole(name: string): name is Role {
  return Object.hasOwn(ROLES, name);
}

/** Whether one of the roles is the needed one, or includes it. */
export function suffices(roles: readonly Role[], needed: Role): boolean {
  return roles.some((role) => IN_ORDER.indexOf(role) >= IN_ORDER.indexOf(needed));
}
