import { z } from 'zod';
import { AnalyzeItem, ExecutionInput } from '../core/execution.ts';
import { readArtifact } from '../core/store/artifacts.ts';
import type { Context } from './context.ts';
import { withoutWriteAccess } from './github/write-access.ts';
import { failBeforeStart } from './run/fail-before-start.ts';

/** The state of the execution after ResolveRepositories. */
export const WriteAccessInput = ExecutionInput.extend({ analyze: z.object({ key: z.string() }) });

/**
 * Fails the repositories that the credential may not open pull requests in, before any work is paid. It is part of
 * OpenPullRequest's function, the only one with the credential that writes.
 */
export async function checkWriteAccess(
  { jobId, run, analyze }: z.infer<typeof WriteAccessInput>,
  context: Context,
): Promise<void> {
  const job = await context.jobs.get(jobId);
  if (!job.createPullRequests) return;
  const items = await readArtifact(context.artifacts, analyze.key, z.array(AnalyzeItem));
  const repositoryNames = items.map(({ repositoryName }) => repositoryName);
  const refused = await withoutWriteAccess(context.settings, { jobId, repositoryNames });
  await failBeforeStart({ jobId, run }, refused, context);
}
