import { artifactKeys } from '../../core/store/artifact-keys.ts';
import type { Context } from '../context.ts';

/**
 * Runs `make`, which writes artifacts of a job. If the job was deleted in the meantime, removes its artifacts again, since
 * the deletion may already be over; `removeMore` removes anything else that `make` wrote.
 */
export async function unlessDeleted<Output>(
  jobId: string,
  { jobs, artifacts }: Pick<Context, 'jobs' | 'artifacts'>,
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
