import { z } from 'zod';
import { Choice, ChoicePage } from '../../core/choice.ts';
import { JobId, RepositoryName } from '../../core/job.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { readArtifact } from '../../core/store/artifacts.ts';
import { pageOfChoice } from '../choose/shown-choice.ts';
import { route } from './route.ts';
import { requireVisibleJob } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });
const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(10_000).default(1000),
  /** The last name of the page before. */
  cursor: RepositoryName.optional(),
});

/** Why each repository is in the job, and what was left out, as it was resolved when the job began. */
export const getChoice = route(
  'GET',
  '/jobs/{jobId}/choice',
  {
    role: 'viewer',
    summary: 'Why each repository is in the job, and what was left out and why.',
    params,
    query,
    isFiltered: true,
    hasETag: true,
    responses: { 200: ChoicePage },
  },
  async ({ params: { jobId }, query: { limit, cursor }, access, createdBy }, context) => {
    await requireVisibleJob(await context.jobs.get(jobId), { access, createdBy }, context);
    const choice = await readArtifact(context.artifacts, artifactKeys.choice(jobId), Choice);
    return { json: pageOfChoice(choice, access, { limit, cursor }) };
  },
);
