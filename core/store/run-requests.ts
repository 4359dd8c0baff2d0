import { createHash } from 'node:crypto';
import { DamagedRowError } from '../errors.ts';
import type { JobRow } from '../job.ts';
import { RunRequest } from '../run-request.ts';
import { artifactKeys } from './artifact-keys.ts';
import type { ArtifactStore } from './artifact-store.ts';
import { findArtifact, readArtifact } from './artifacts.ts';

/**
 * Stores what a run is asked for, and returns the artifact's key for the job's row. The key is a digest of the content, so
 * that racing requests do not overwrite each other.
 */
export async function writeRunRequest(
  artifacts: ArtifactStore,
  jobId: string,
  request: RunRequest,
): Promise<string> {
  const text = JSON.stringify(request);
  const key = artifactKeys.runRequest(jobId, createHash('sha256').update(text).digest('hex'));
  await artifacts.write(key, text, { contentType: 'application/json' });
  return key;
}

/** What the job's current run was asked for. Throws DamagedRowError, NotFoundError or DamagedArtifactError. */
export async function readRunRequest(
  artifacts: ArtifactStore,
  job: Pick<JobRow, 'jobId' | 'request'>,
): Promise<RunRequest> {
  return readArtifact(artifacts, requireOwn(job), RunRequest);
}

/** Like `readRunRequest`, but returns undefined if it cannot be read; then `setAside` gets the reason. */
export async function findRunRequest(
  artifacts: ArtifactStore,
  { jobId, request }: Pick<JobRow, 'jobId' | 'request'>,
  setAside: (reason: string) => void,
): Promise<RunRequest | undefined> {
  if (!isOwn({ jobId, request })) return undefined;
  return findArtifact(artifacts, request!, RunRequest, setAside);
}

function requireOwn(job: Pick<JobRow, 'jobId' | 'request'>): string {
  if (isOwn(job)) return job.request!;
  throw new DamagedRowError(
    `The row of the job ${job.jobId} does not name what its run was asked for (${JSON.stringify(job.request)}). Start the job anew by POST /jobs.`,
    { field: 'request', received: job.request },
  );
}

/** A row that was edited by hand could name an artifact of another job. */
function isOwn({ jobId, request }: Pick<JobRow, 'jobId' | 'request'>): boolean {
  return request?.startsWith(artifactKeys.runRequests(jobId)) ?? false;
}
