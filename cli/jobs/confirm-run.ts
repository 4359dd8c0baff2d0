import type { ShownJob } from '../connect/api-client.ts';
import { confirmSpending } from './confirm-cost.ts';

/** Asks before a further run of a job spends money. The offline model costs nothing. */
export async function confirmRun(
  { settings: { model, maxCostUsd: each }, maxCostUsd, costUsd = 0 }: ShownJob,
  what: string,
  isYes: boolean,
): Promise<boolean> {
  if (model === 'offline') return true;
  const left = Math.max(0, maxCostUsd - costUsd);
  return confirmSpending(
    `${model} ${what}. The caps allow up to $${each.toFixed(2)} for each, and $${left.toFixed(2)} for the job beyond the $${costUsd.toFixed(2)} that it has cost.`,
    isYes,
  );
}
