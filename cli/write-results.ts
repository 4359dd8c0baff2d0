import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ApiClient, JobWithResults } from './api-client.ts';

/** Writes `job.json`, and `{owner}/{name}/diff.patch` and `thread.json` for each repository, into `folder`. */
export async function writeResults(api: ApiClient, job: JobWithResults, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'job.json'), `${JSON.stringify(job, null, 2)}\n`);
  for (const { repositoryName } of job.results) {
    const target = path.join(folder, repositoryName);
    await mkdir(target, { recursive: true });
    const [diff, thread] = await Promise.all([
      api.getDiff(job.jobId, repositoryName),
      api.getThread(job.jobId, repositoryName),
    ]);
    if (diff) await writeFile(path.join(target, 'diff.patch'), diff);
    if (thread) await writeFile(path.join(target, 'thread.json'), thread);
  }
}
