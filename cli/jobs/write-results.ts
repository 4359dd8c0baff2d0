import { access, constants, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../../core/errors.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { ApiClient, JobWithResults } from '../connect/api-client.ts';
import { threadText } from './thread-text.ts';

/** How many repositories are read from the API at once. */
const PARALLEL = 4;

/**
 * Makes the folder for results, before anything is paid for. Throws UsageError if it cannot be written, or has something
 * else in it: results of two jobs are never mixed.
 */
export async function prepareFolder(folder: string, option: string, jobId?: string): Promise<void> {
  let entries: string[];
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
    entries = await readdir(folder);
  } catch (error) {
    throw new UsageError(
      `${option} ${folder} cannot be used: ${(error as Error).message}. Name a folder that you can write.`,
    );
  }
  if (entries.length === 0) return;
  const other = await jobIn(folder);
  if (jobId !== undefined && other === jobId) return;
  throw new UsageError(
    `${option} ${folder} is not empty: it has ${other ? `the results of ${other}` : entries.slice(0, 3).join(', ')}. Name an empty folder, or one that does not exist.`,
  );
}

async function jobIn(folder: string): Promise<string | undefined> {
  try {
    const { jobId } = JSON.parse(await readFile(path.join(folder, 'job.json'), 'utf8'));
    return typeof jobId === 'string' ? jobId : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes `job.json`, and for each repository `{owner}/{name}/diff.patch`, `thread.json` and `thread.md`, into `folder`. A
 * repository without a change has no patch.
 */
export async function writeResults(api: ApiClient, job: JobWithResults, folder: string): Promise<void> {
  await writeFile(path.join(folder, 'job.json'), `${JSON.stringify(job, null, 2)}\n`);
  await inParallel(job.results, PARALLEL, async ({ repositoryName }) => {
    const target = path.join(folder, repositoryName);
    await mkdir(target, { recursive: true });
    const [diff, thread, readable] = await Promise.all([
      api.getDiff(job.jobId, repositoryName),
      api.getThread(job.jobId, repositoryName),
      api.getReadableThread(job.jobId, repositoryName, 'standard'),
    ]);
    if (diff && diff.length > 0) await writeFile(path.join(target, 'diff.patch'), diff);
    if (thread) await writeFile(path.join(target, 'thread.json'), thread);
    if (readable) await writeFile(path.join(target, 'thread.md'), threadText(readable));
  });
}
