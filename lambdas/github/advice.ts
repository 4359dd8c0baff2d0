/** The advice of error messages; test/lambdas/github/advice.test.ts follows each one. */

/** Publishing again calls no model. */
export function publishAgain(jobId: string): string {
  return `POST /jobs/${jobId}/pull-requests`;
}

export function publishElsewhere(jobId: string): string {
  return `${publishAgain(jobId)} with {"pullRequest": {"branch": "cody-batch-2/${jobId}"}}, or another name of yours`;
}
