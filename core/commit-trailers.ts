/** Say in a commit whose it is, so that a branch that a human went on with is never moved. */
export const JOB_TRAILER = 'Cody-Batch-Job';
export const TREE_TRAILER = 'Cody-Batch-Tree';

export function isOfJob(message: string, jobId: string): boolean {
  return message.split('\n').includes(`${JOB_TRAILER}: ${jobId}`);
}
