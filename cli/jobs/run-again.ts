import type { ShownJob } from '../connect/api-client.ts';
import type { Connection, ConnectOptions } from '../connect/connection.ts';
import { print, tell } from '../terminal/print.ts';
import { budgetOf, type RunOptions } from './budget-options.ts';
import { confirmRun } from './confirm-run.ts';
import { finishJob } from './finish-job.ts';

/** Asks before money is spent, starts a run, and follows it unless the user does not want to wait. Returns the exit status. */
export async function runAgain(
  connection: Connection,
  job: ShownJob,
  {
    what,
    options,
    start,
  }: { what: string; options: RunOptions & Pick<ConnectOptions, 'settings'>; start: () => Promise<unknown> },
): Promise<number> {
  const { settings, maxCostUsd } = budgetOf(options);
  const allowed = {
    ...job,
    ...(maxCostUsd !== undefined && { maxCostUsd }),
    settings: { ...job.settings, ...settings },
  };
  if (connection.stack && !connection.stack.lasts && allowed.settings.model !== 'offline') {
    const { userVariables } = await import('../connect/user-settings.ts');
    const { requireModel } = await import('./confirm-cost.ts');
    await requireModel(allowed, userVariables(options.settings));
  }
  if (!(await confirmRun(allowed, what, options.yes ?? false))) {
    tell('Nothing was started.');
    return 2;
  }
  await start();
  const { stack } = connection;
  if (options.detach && (!stack || stack.lasts)) {
    print(`${job.jobId}\n`);
    return 0;
  }
  return finishJob(connection, job.jobId, { json: options.json });
}
