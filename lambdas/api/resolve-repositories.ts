import { z } from 'zod';
import { ResolvedChoice } from '../../core/choice.ts';
import { RepositorySelector } from '../../core/repository-selector.ts';
import { choose, REQUEST_TIME_MS } from '../choose/choose.ts';
import { firstOfChoice } from '../choose/shown-choice.ts';
import { route } from './route.ts';

const body = z.strictObject({ repositories: z.array(RepositorySelector).min(1) });

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
    return { json: firstOfChoice(choice, access) };
  },
);
