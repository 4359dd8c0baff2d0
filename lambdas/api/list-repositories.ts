import { z } from 'zod';
import { listRepositories as listOfOwner } from '../github/client.ts';
import { route } from './route.ts';

const query = z.strictObject({
  /** A part of the name, in any case. */
  filter: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** The last name of the page before. */
  cursor: z.string().optional(),
});

/** The repositories that ALLOWED_REPOSITORIES admits, as GitHub has them, by name. */
export const listRepositories = route(
  'GET',
  '/repositories',
  { role: 'viewer', query },
  async ({ query }, { settings }) => {
    const names = new Set<string>();
    for (const pattern of settings.ALLOWED_REPOSITORIES) {
      const [owner, name] = pattern.split('/') as [string, string];
      if (name !== '*') names.add(pattern);
      else for await (const found of listOfOwner(settings, owner)) names.add(found);
    }
    const { filter = '', limit, cursor = '' } = query;
    const wanted = [...names]
      .filter((name) => name > cursor && name.toLowerCase().includes(filter.toLowerCase()))
      .sort();
    const repositories = wanted.slice(0, limit);
    return { json: { repositories, ...(wanted.length > limit && { cursor: repositories.at(-1) }) } };
  },
);
