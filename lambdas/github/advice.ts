/** What an error says to do next; test/lambdas/github/advice.test.ts does each as it is written. */

/** No model is paid again by it. */
export function publishAgain(jobId: string): string {
  return `POST /jobs/${jobId}/pull-requests`;
}

export function publishElsewhere(jobId: string): string {
  return `${publishAgain(jobId)} with {"pullRequest": {"branch": "cody-batch-2/${jobId}"}}, or another name of yours`;
}
