import { z } from 'zod';
import { readArtifact } from '../core/store/artifacts.ts';
import { AnalyzeItem, ExecutionInput } from '../core/execution.ts';
import { withoutWriteAccess } from './github/write-access.ts';
import { refuseBefore } from './run/refused-before.ts';
import type { Storage } from './context.ts';

/** The state of the execution once ResolveRepositories has listed what is to be analysed. */
export const WriteAccessInput = ExecutionInput.extend({ analyze: z.object({ key: z.string() }) });

/**
 * Ends the repositories that no pull request could be opened in, before a model is paid for them. It is a part of
 * OpenPullRequest's function, because no other has the credential that writes.
 */
export async function checkWriteAccess(
  { jobId, run, analyze }: z.infer<typeof WriteAccessInput>,
  storage: Storage,
): Promise<void> {
  const job = await storage.jobs.get(jobId);
  if (!job.createPullRequests) return;
  const items = await readArtifact(storage.artifacts, analyze.key, z.array(AnalyzeItem));
  const repositoryNames = items.map(({ repositoryName }) => repositoryName);
  const refused = await withoutWriteAccess(storage.settings, { jobId, repositoryNames });
  await refuseBefore(storage, { jobId, run }, refused);
}
