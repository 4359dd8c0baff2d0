import { z } from 'zod';
import { JobId } from '../../core/job.ts';
import { mayTouch } from '../../core/repository-access.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { readArtifact } from '../../core/store/artifacts.ts';
import { Choice } from '../choose/choose.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });

/** Why each repository is in the job, and what was left out, as it was resolved when the job began. */
export const getChoice = route(
  'GET',
  '/jobs/{jobId}/choice',
  {
    role: 'viewer',
    summary: 'Why each repository is in the job, and what was left out and why.',
    params,
    hasETag: true,
    responses: { 200: Choice },
  },
  async ({ params: { jobId }, access }, { jobs, artifacts }) => {
    await jobs.get(jobId);
    const choice = await readArtifact(artifacts, artifactKeys.choice(jobId), Choice);
    const seen = <T extends { repositoryName: string }>(found: readonly T[]) =>
      found.filter(({ repositoryName }) => mayTouch(access, repositoryName));
    return {
      json: { ...choice, repositories: seen(choice.repositories), leftOut: seen(choice.leftOut) },
    };
  },
);
