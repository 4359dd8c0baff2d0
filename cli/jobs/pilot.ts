import type { JobRequest } from '../../core/job.ts';
import type { JobWithResults } from '../connect/api-client.ts';
import type { Connection } from '../connect/connection.ts';
import { ask } from '../terminal/ask.ts';
import { printStyled, tell } from '../terminal/print.ts';
import { isInteractive } from '../terminal/streams.ts';
import { style } from '../terminal/style.ts';
import { patchText } from './patch.ts';
import { repositories } from './repository-count.ts';
import { usd } from './result-table.ts';

/** A pilot is offered for more repositories than this. */
const MAX_WITHOUT_PILOT = 5;
const PILOT = 3;

/** How many repositories run first; undefined if all do. */
export function sampleSize({ sample }: JobRequest): number | undefined {
  return Array.isArray(sample) ? sample.length : sample;
}

/** On a terminal, offers to try some repositories first, and sets `sample` for it. */
export async function offerPilot(
  request: JobRequest,
  count: number,
  options: { all?: boolean; yes?: boolean },
): Promise<void> {
  const isDecided = request.sample !== undefined || options.all || options.yes;
  if (isDecided || count <= MAX_WITHOUT_PILOT || !isInteractive()) return;
  const answer = await ask(
    `Try ${PILOT} of the ${count.toLocaleString('en-US')} repositories first, and look at their changes before the others? [Y/n] `,
  );
  if (!/^n/i.test(answer)) request.sample = PILOT;
}

/** Shows what a sample came to, and asks whether the others may follow. Returns whether they may. */
export async function confirmRest(
  { api }: Connection,
  { jobId, held = 0, results, costUsd, counts }: JobWithResults,
): Promise<boolean> {
  const rest = repositories(held);
  const each = costUsd && counts.total > 0 ? costUsd / counts.total : undefined;
  const estimate = each === undefined ? '' : ` At ${usd(each)} each, they may cost ${usd(each * held)}.`;
  tell(`${repositories(counts.total)} were tried; ${rest} wait.${estimate}`);
  for (;;) {
    const answer = (await ask(`Continue with the other ${held}? [y/N, d shows the changes] `)).toLowerCase();
    if (!answer.startsWith('d')) return answer.startsWith('y');
    for (const { repositoryName, outcome } of results) {
      if (outcome !== 'changed') continue;
      const patch = await api.getDiff(jobId, repositoryName);
      printStyled(`${style(['bold', 'underline'], repositoryName)}\n\n${patch ? patchText(patch) : ''}\n`);
    }
  }
}
