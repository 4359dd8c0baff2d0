import type { JobWithResults } from '../connect/api-client.ts';
import { print, printStyled } from '../terminal/print.ts';
import { streams, widthOf } from '../terminal/streams.ts';
import { styleStatus } from '../terminal/style.ts';
import { costOf, resultTable } from './result-table.ts';

/** An identifier, a status and a cost. */
const SUMMARY_WIDTH = 60;

export function printSummary(result: JobWithResults): void {
  printStyled(`${resultTable(result.results)}\n\n`);
  const isNarrow = (widthOf(streams.out) ?? Number.POSITIVE_INFINITY) < SUMMARY_WIDTH;
  print(`${result.jobId}:${isNarrow ? '\n' : ' '}`);
  printStyled(styleStatus(result.status));
  print(`, cost ${costOf(result)}\n`);
}
