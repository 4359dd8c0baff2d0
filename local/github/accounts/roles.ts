/** GitHub's roles, each with what the ones before it may do. */
export const ROLES = ['pull', 'triage', 'push', 'maintain', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const roleAtLeast = (role: Role, least: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(least);

/** `permissions` of a repository, for whoever has this role. */
export const permissionsOf = (role: Role): Record<string, boolean> =>
  Object.fromEntries(ROLES.map((other) => [other, roleAtLeast(role, other)]));
