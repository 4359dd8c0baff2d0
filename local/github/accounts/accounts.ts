import { createHash } from 'node:crypto';
import type { GitHubUrls } from '../urls.ts';

/**
 * The user of requests without a known token. Owns or administers every repository; every other owner is
 * an organization.
 */
export const LOCAL_USER = 'local';

/** GitHub's opaque identifiers: stable, and different for each kind of thing. */
export const nodeId = (kind: string, id: number | string): string =>
  Buffer.from(`${kind}:${id}`).toString('base64url');

/** Stable across restarts without being stored. */
export const accountId = (login: string): number =>
  login.toLowerCase() === LOCAL_USER
    ? 1
    : Number.parseInt(createHash('sha1').update(login.toLowerCase()).digest('hex').slice(0, 7), 16);

type AccountType = 'User' | 'Organization' | 'Bot';

/** GitHub's simple user; organizations and apps have this form too. */
export function accountJson(
  urls: GitHubUrls,
  login: string,
  type: AccountType = login.endsWith('[bot]') ? 'Bot' : 'User',
): Record<string, unknown> {
  const url = `${urls.apiUrl}/users/${login}`;
  const id = accountId(login);
  return {
    login,
    id,
    node_id: nodeId(type, id),
    avatar_url: `${urls.url}/${login}.png`,
    gravatar_id: '',
    url,
    html_url: `${urls.url}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type,
    site_admin: false,
  };
}

/** A repository's owner. */
export const ownerJson = (urls: GitHubUrls, login: string): Record<string, unknown> =>
  accountJson(urls, login, login.toLowerCase() === LOCAL_USER ? 'User' : 'Organization');
