/** GitHub's roles; each includes the ones before it. */
export const ROLES = ['pull', 'triage', 'push', 'maintain', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const roleAtLeast = (role: Role, least: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(least);

/** The `permissions` field of a repository, for a user with this role. */
export const permissionsOf = (role: Role): Record<string, boolean> =>
  Object.fromEntries(ROLES.map((other) => [other, roleAtLeast(role, other)]));
