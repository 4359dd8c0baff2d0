import { z } from 'zod';
import { isAllowed } from '../../core/allowed-repositories.ts';
import { parseRepositoryName } from '../../core/job.ts';
import { mayTouch } from '../../core/repository-access.ts';
import { listingOfOwner } from '../choose/listing-of-owner.ts';
import { route } from './route.ts';

const query = z.strictObject({
  /** A part of the name, in any case. */
  filter: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** The last name of the page before. */
  cursor: z.string().optional(),
  /** `true`: lists again what was listed more than a minute ago. */
  refresh: z.enum(['true', 'false']).default('false'),
});

const RepositoryList = z.object({
  repositories: z.array(z.string()),
  /** When GitHub listed them, the earliest if there are several owners. Absent if none had to be listed. */
  listedAt: z.string().optional(),
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
  async ({ query, access }, context) => {
    const allowed = context.settings.ALLOWED_REPOSITORIES;
    const refresh = query.refresh === 'true';
    let listedAt: string | undefined;
    const names = new Set<string>();
    for (const pattern of allowed.filter((entry) => !entry.startsWith('!'))) {
      const { owner } = parseRepositoryName(pattern);
      if (!pattern.includes('*')) names.add(pattern);
      // GitHub cannot list the owners that a pattern matches.
      else if (!owner.includes('*')) {
        const listing = await listingOfOwner(owner, { refresh }, context);
        for (const { repositoryName, isArchived, isDisabled } of listing.repositories)
          if (!isArchived && !isDisabled) names.add(repositoryName);
        if (listedAt === undefined || listing.listedAt < listedAt) listedAt = listing.listedAt;
      }
    }
    const { filter = '', limit, cursor = '' } = query;
    const wanted = [...names]
      .filter((name) => isAllowed(allowed, name) && mayTouch(access, name))
      .filter((name) => name > cursor && name.toLowerCase().includes(filter.toLowerCase()))
      .sort();
    const repositories = wanted.slice(0, limit);
    return {
      json: { repositories, listedAt, ...(wanted.length > limit && { cursor: repositories.at(-1) }) },
    };
  },
);
