import { z } from 'zod';
import { ResolvedChoice } from '../../core/choice.ts';
import { mayTouch } from '../../core/repository-access.ts';
import { RepositorySelector } from '../../core/repository-selector.ts';
import { choose, REQUEST_TIME_MS } from '../choose/choose.ts';
import { route } from './route.ts';

const body = z.strictObject({ repositories: z.array(RepositorySelector).min(1) });

/** The most that one answer lists; a job takes up to 10,000. */
const MAX_LISTED = 10_000;

/** What a job with these `repositories` would take, before anything is paid. Starts nothing. */
export const resolveRepositories = route(
  'POST',
  '/repositories/resolve',
  {
    role: 'viewer',
    summary: 'The repositories that a job with these entries would take, and why. Starts nothing.',
    body,
    isFiltered: true,
    responses: { 200: ResolvedChoice },
  },
  async ({ body, access }, context) => {
    const choice = await choose(body.repositories, context, REQUEST_TIME_MS);
    const seen = <T extends { repositoryName: string }>(found: readonly T[]) =>
      found.filter(({ repositoryName }) => mayTouch(access, repositoryName));
    const [repositories, leftOut] = [seen(choice.repositories), seen(choice.leftOut)];
    return {
      json: {
        ...{ count: repositories.length, leftOutCount: leftOut.length },
        repositories: repositories.slice(0, MAX_LISTED),
        leftOut: leftOut.slice(0, MAX_LISTED),
        incomplete: choice.incomplete,
      },
    };
  },
);
