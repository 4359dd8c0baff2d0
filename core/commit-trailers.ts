/** Trailers that mark a commit of this product, so that a branch with a person's commits is never moved. */
export const JOB_TRAILER = 'Cody-Batch-Job';
export const TREE_TRAILER = 'Cody-Batch-Tree';

export function isOfJob(message: string, jobId: string): boolean {
  return message.split('\n').includes(`${JOB_TRAILER}: ${jobId}`);
}
