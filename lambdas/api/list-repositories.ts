import { z } from 'zod';
import { isAllowed } from '../../core/allowed-repositories.ts';
import { parseRepositoryName } from '../../core/job.ts';
import { mayTouch } from '../../core/repository-access.ts';
import type { Settings } from '../../core/settings.ts';
import { listRepositories as listOfOwner } from '../github/client.ts';
import { route } from './route.ts';

const query = z.strictObject({
  /** A part of the name, in any case. */
  filter: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** The last name of the page before. */
  cursor: z.string().optional(),
});

const RepositoryList = z.object({
  repositories: z.array(z.string()),
  /** Absent on the last page. */
  cursor: z.string().optional(),
});

/**
 * The repositories that ALLOWED_REPOSITORIES admits, as GitHub has them, by name; those of patterns whose owner is a pattern
 * (star/docs) may be named in a job, and are not listed.
 */
export const listRepositories = route(
  'GET',
  '/repositories',
  {
    role: 'viewer',
    summary: 'The repositories that a job may name, by name.',
    query,
    isFiltered: true,
    responses: { 200: RepositoryList },
  },
  async ({ query, access }, { settings }) => {
    const allowed = settings.ALLOWED_REPOSITORIES;
    const names = new Set<string>();
    for (const pattern of allowed.filter((entry) => !entry.startsWith('!'))) {
      const { owner } = parseRepositoryName(pattern);
      if (!pattern.includes('*')) names.add(pattern);
      // GitHub cannot list the owners that a pattern matches.
      else if (!owner.includes('*')) for (const found of await ofOwner(owner, settings)) names.add(found);
    }
    const { filter = '', limit, cursor = '' } = query;
    const wanted = [...names]
      .filter((name) => isAllowed(allowed, name) && mayTouch(access, name))
      .filter((name) => name > cursor && name.toLowerCase().includes(filter.toLowerCase()))
      .sort();
    const repositories = wanted.slice(0, limit);
    return { json: { repositories, ...(wanted.length > limit && { cursor: repositories.at(-1) }) } };
  },
);

/** How long a listing is cached: 3,000 repositories take 30 of the 5,000 calls an hour that all readers share. */
const CACHE_MS = 3 * 60_000;

const listings = new Map<string, { at: number; names: Promise<string[]> }>();

function ofOwner(owner: string, settings: Settings): Promise<string[]> {
  const known = listings.get(owner);
  if (known && performance.now() - known.at < CACHE_MS) return known.names;
  const names = readAll(listOfOwner(settings, owner));
  listings.set(owner, { at: performance.now(), names });
  // Failures are not cached.
  names.catch(() => listings.delete(owner));
  return names;
}

async function readAll(listed: AsyncIterable<{ name: string }>): Promise<string[]> {
  const all: string[] = [];
  for await (const { name } of listed) all.push(name);
  return all;
}
