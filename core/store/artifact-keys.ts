import { NotFoundError } from '../errors.ts';

/** The keys of a job's own artifacts. Those of its repositories are named on their rows. */
export const artifactKeys = {
  job: (jobId: string) => `jobs/${jobId}/`,
  /** The prompt and the repositories that POST /jobs had; no later request changes it. */
  request: (jobId: string) => `jobs/${jobId}/request.json`,
  /** All names that the job's patterns matched, if it runs a sample first; those that are not in `repositories` are held. */
  resolved: (jobId: string) => `jobs/${jobId}/resolved.json`,
  /** Why each of the job's repositories is in, and what was left out (lambdas/choose/choose.ts). */
  choice: (jobId: string) => `jobs/${jobId}/choice.json`,
  /** The names that the job works on: those that its patterns matched, or of these only the sample until it continues. */
  repositories: (jobId: string) => `jobs/${jobId}/repositories.json`,
  runRequests: (jobId: string) => `jobs/${jobId}/requests/`,
  /** What a run was asked for; the digest is that of the content. */
  runRequest: (jobId: string, digest: string) => `${artifactKeys.runRequests(jobId)}${digest}.json`,
  /** The changes that a review of a shape covers. */
  reviewedList: (jobId: string, digest: string) => `jobs/${jobId}/reviews/${digest}.json`,
  /** Patches of the job that were packed for a download; the digest is that of the list of them. */
  patches: (jobId: string, digest: string) => `jobs/${jobId}/patches/${digest}.zip`,
  /** An answer of the API that is too long for a response, for a download by a signed URL. */
  answer: (jobId: string, digest: string, name: string) => `jobs/${jobId}/answers/${digest}-${name}`,
  runRecord: (jobId: string, run: number) => `${artifactKeys.run(jobId, run)}run.json`,
  run: (jobId: string, run: number) => `jobs/${jobId}/runs/${run}/`,
};

/**
 * Throws NotFoundError for a key that could lead out of the store. S3 has no folders, but a client that normalises
 * `bucket/../other/key` would reach another bucket.
 */
export function requireArtifactKey(key: string): string {
  const [last, ...folders] = key.split('/').reverse();
  const isOutside = [last, ...folders].some((part) => part === '.' || part === '..');
  // Only a prefix ends in `/`.
  if (isOutside || folders.includes('') || key === '')
    throw new NotFoundError(
      `The artifact key ${JSON.stringify(key)} leads out of the store. Use a key of core/store/artifact-keys.ts.`,
    );
  return key;
}
