import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient, type JobWithResults } from '../../cli/connect/api-client.ts';
import { PROMPT } from '../model.ts';

/** Long enough to cost the stack little; times come from the job itself. */
const POLL_MS = 500;
/** Several times the length of a job on a busy machine. */
const LIMIT_MS = 300_000;

/** Starts a job by HTTP and waits for its end. Throws unless every repository was changed. */
export async function runJob(
  apiUrl: string,
  repositories: string[],
  maxConcurrency?: number,
): Promise<JobWithResults> {
  const api = new ApiClient(apiUrl);
  const { jobId } = await api.createJob({ name: 'bench', prompt: PROMPT, repositories, maxConcurrency });
  for (const deadline = Date.now() + LIMIT_MS; ; ) {
    await sleep(POLL_MS);
    const { status } = await api.getJob(jobId);
    if (status !== 'pending' && status !== 'processing') break;
    if (Date.now() > deadline) throw new Error(`The job is still ${status} after ${LIMIT_MS / 1000} s.`);
  }
  const job = await api.getResults(jobId);
  const failed = job.results.filter(({ outcome }) => outcome !== 'changed');
  if (failed.length > 0 || job.results.length !== repositories.length)
    throw new Error(`The job ended as ${job.status}: ${JSON.stringify(failed[0])}`);
  return job;
}

/** In seconds, from the request to the last count. */
export function secondsOf({ createdAt, completedAt }: JobWithResults): number {
  return (Date.parse(completedAt!) - Date.parse(createdAt)) / 1000;
}
