import { createHash } from 'node:crypto';
import type { GitHub } from './api.ts';

/** Who every request comes from; every other owner is an organization. */
export const LOCAL_USER = 'local';

export function accountJson(github: GitHub, login: string): Record<string, unknown> {
  const isUser = login.toLowerCase() === LOCAL_USER;
  return {
    login,
    // Stable across restarts without being stored.
    id: isUser
      ? 1
      : Number.parseInt(createHash('sha1').update(login.toLowerCase()).digest('hex').slice(0, 7), 16),
    type: isUser ? 'User' : 'Organization',
    site_admin: false,
    url: `${github.apiUrl}/users/${login}`,
    repos_url: `${github.apiUrl}/users/${login}/repos`,
  };
}
