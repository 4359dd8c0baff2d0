import type { JobWithResults } from '../connect/api-client.ts';
import type { Connection } from '../connect/connection.ts';
import { DEFAULT_GITHUB_PORT } from '../connect/open-stack.ts';
import { print, printJson, printStyled, tell } from '../terminal/print.ts';
import { streams, widthOf } from '../terminal/streams.ts';
import { styleStatus } from '../terminal/style.ts';
import { followJob, type OnInterrupt } from './follow-job.ts';
import { costOf, resultTable } from './result-table.ts';
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
  // Last, because what was paid for is on the screen if the disk is full.
  if (folder) await writeResults(connection.api, result, folder);
  tellWhatNext(connection, result, folder);
  return statusOf(result);
}

/** An identifier, a status and a cost. */
const SUMMARY_WIDTH = 60;

export function printSummary(result: JobWithResults): void {
  printStyled(`${resultTable(result.results)}\n\n`);
  const isNarrow = (widthOf(streams.out) ?? Number.POSITIVE_INFINITY) < SUMMARY_WIDTH;
  print(`${result.jobId}:${isNarrow ? '\n' : ' '}`);
  printStyled(styleStatus(result.status));
  print(`, cost ${costOf(result)}\n`);
}

function tellWhatNext(
  { stack }: Connection,
  { jobId, results, error }: JobWithResults,
  folder: string | undefined,
): void {
  if (error && error.name !== 'NoRepositoryCompletedError') tell(`${error.name}: ${error.message}`);
  if (folder) tell(`The patches and conversations are in ${folder}.`);
  const changed = results.filter(({ outcome }) => outcome === 'changed');
  const opened = changed.filter(({ pullRequestUrl }) => pullRequestUrl);
  if (stack && !stack.lasts && opened.length > 0)
    tell(keptNote(opened[0]!.pullRequestUrl!, stack.dataFolder));
  if (changed.length > opened.length) {
    const id = jobId.slice(-8);
    tell(
      `cody-batch diff ${id} shows the changes, apply ${id} puts them on branches of your clones, publish ${id} opens pull requests.`,
    );
  }
}

function keptNote(url: string, dataFolder: string): string {
  const { port } = new URL(url);
  const onPort = Number(port) === DEFAULT_GITHUB_PORT ? '' : ` --port ${Number(port) - 4}`;
  return `The pull requests are kept. \`cody-batch serve --data ${dataFolder}${onPort}\` shows them at these addresses.`;
}

/** 1 if something of the job failed or was left undone. */
export function statusOf({ status, results }: Pick<JobWithResults, 'status' | 'results'>): number {
  const succeeded = results.every(
    (result) =>
      result.status === 'completed' &&
      result.pullRequest?.state !== 'failed' &&
      (result.notDone ?? []).length === 0,
  );
  return status === 'completed' && succeeded ? 0 : 1;
}
