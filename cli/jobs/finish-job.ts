import type { JobWithResults } from '../connect/api-client.ts';
import type { Connection } from '../connect/connection.ts';
import { printJson, tell } from '../terminal/print.ts';
import { isInteractive } from '../terminal/streams.ts';
import { followJob, type OnInterrupt } from './follow-job.ts';
import { shortId } from './job-reference.ts';
import { keptNote } from './kept-note.ts';
import { confirmRest } from './pilot.ts';
import { repositories } from './repository-count.ts';
import { printSummary } from './summary.ts';
import { writeResults } from './write-results.ts';

type Finish = { folder?: string; json?: boolean; onInterrupt?: OnInterrupt };

/** Follows a job to its end, prints its results and writes them. Returns the exit status. */
export async function finishJob(
  connection: Connection,
  jobId: string,
  { folder, json, onInterrupt }: Finish,
): Promise<number> {
  await followJob(connection, jobId, onInterrupt);
  const result = await connection.api.getResults(jobId);
  if (json) printJson(result);
  else printSummary(result);
  if (isHeld(result) && !json && isInteractive() && (await confirmRest(connection, result))) {
    await connection.api.continueJob(jobId);
    return finishJob(connection, jobId, { folder, onInterrupt });
  }
  // Last, because what was paid for is on the screen if the disk is full.
  if (folder) await writeResults(connection.api, result, folder);
  tellWhatNext(connection, result, folder);
  return statusOf(result);
}

const REVISED: Readonly<Record<string, string>> = {
  same: 'with the same change as before',
  kept: 'did not complete and kept the change of before',
  notStarted: 'not started',
};

/** Whether the job waits for a look at its sample. */
function isHeld({ status, held }: JobWithResults): boolean {
  return status === 'waiting' && Boolean(held);
}

function tellWhatNext(
  { stack }: Connection,
  { jobId, status, results, error, held, action, revisions }: JobWithResults,
  folder: string | undefined,
): void {
  if (error && error.name !== 'NoRepositoryCompletedError') tell(`${error.name}: ${error.message}`);
  if (folder) tell(`The patches and conversations are in ${folder}.`);
  const id = shortId(jobId);
  if (action === 'revise' && revisions) {
    const came = Object.entries(revisions).filter(([, count]) => count > 0);
    tell(`The revision: ${came.map(([what, count]) => `${count} ${REVISED[what] ?? what}`).join(', ')}.`);
  }
  if (held) {
    tell(
      `${repositories(held)} wait. \`cody-batch continue ${id}\` runs them, \`cody-batch diff ${id}\` shows the changes so far.`,
    );
    return;
  }
  if (status === 'waiting') {
    tell(`The job waits for decisions about its changes: \`cody-batch review ${id}\`.`);
    return;
  }
  const changed = results.filter(({ outcome }) => outcome === 'changed');
  const opened = changed.filter(({ pullRequestUrl }) => pullRequestUrl);
  if (stack && !stack.lasts && opened.length > 0)
    tell(keptNote(opened[0]!.pullRequestUrl!, stack.dataFolder));
  if (changed.length > opened.length) {
    tell(
      `cody-batch diff ${id} shows the changes, apply ${id} puts them on branches of your clones, publish ${id} opens pull requests.`,
    );
  }
}

/** 1 if something of the job failed or was left undone. */
export function statusOf({ status, results }: Pick<JobWithResults, 'status' | 'results'>): number {
  const succeeded = results.every(
    (result) =>
      result.status === 'completed' &&
      result.pullRequest?.state !== 'failed' &&
      (result.notDone ?? []).length === 0,
  );
  return (status === 'completed' || status === 'waiting') && succeeded ? 0 : 1;
}
