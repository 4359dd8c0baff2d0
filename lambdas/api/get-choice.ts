import { z } from 'zod';
import { Choice } from '../../core/choice.ts';
import { JobId } from '../../core/job.ts';
import { mayTouch, mayTouchSomeOf } from '../../core/repository-access.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { readArtifact } from '../../core/store/artifacts.ts';
import { route } from './route.ts';
import { requireVisibleJob } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });

/** Why each repository is in the job, and what was left out, as it was resolved when the job began. */
export const getChoice = route(
  'GET',
  '/jobs/{jobId}/choice',
  {
    role: 'viewer',
    summary: 'Why each repository is in the job, and what was left out and why.',
    params,
    isFiltered: true,
    hasETag: true,
    responses: { 200: Choice },
  },
  async ({ params: { jobId }, access, createdBy }, context) => {
    await requireVisibleJob(await context.jobs.get(jobId), { access, createdBy }, context);
    const choice = await readArtifact(context.artifacts, artifactKeys.choice(jobId), Choice);
    const seen = <T extends { repositoryName: string }>(found: readonly T[]) =>
      found.filter(({ repositoryName }) => mayTouch(access, repositoryName));
    return {
      json: {
        repositories: seen(choice.repositories),
        leftOut: seen(choice.leftOut),
        incomplete: choice.incomplete.filter(({ entry }) => mayTouchSomeOf(access, entry)),
      },
    };
  },
);
