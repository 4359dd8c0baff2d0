import type { IncomingHttpHeaders } from 'node:http';

/** Returns the token of `Bearer`, `token` or `Basic` (git sends it as the password), or undefined if there is none. */
export function tokenOf({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  const [scheme = '', value = ''] = authorization.trim().split(/\s+/, 2);
  if (!/^basic$/i.test(scheme)) return value || undefined;
  const [user = '', password = ''] = Buffer.from(value, 'base64').toString().split(/:(.*)/s, 2);
  return password === 'x-oauth-basic' ? user : password || user;
}
