import { artifactKeys } from '../../core/store/artifacts.ts';
import type { Context } from '../context.ts';

/**
 * Runs what makes artifacts of a job. Where the job was deleted meanwhile they would stay for good, so they are removed
 * here, and `removeMore` removes what else was made.
 */
export async function unlessDeleted<Output>(
  { jobs, artifacts }: Pick<Context, 'jobs' | 'artifacts'>,
  jobId: string,
  make: () => Promise<Output>,
  removeMore: () => Promise<void> = async () => {},
): Promise<Output> {
  try {
    return await make();
  } finally {
    if (await jobs.deletion(jobId)) {
      await removeMore();
      await artifacts.removeAll(artifactKeys.job(jobId));
    }
  }
}
