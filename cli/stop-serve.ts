import { setTimeout as sleep } from 'node:timers/promises';
import { UsageError } from '../core/errors.ts';
import { runningStack, stackProcess } from '../local/data-folder.ts';
import { print } from './terminal/print.ts';

/** Workers get some seconds to save their work. */
const MAX_WAIT_MS = 30_000;
const POLL_MS = 100;

/** Ends the `serve` that runs over the data folder, and waits for its end. Returns the exit status. */
export async function stopServe(dataFolder: string): Promise<number> {
  const pid = stackProcess(dataFolder);
  if (pid === undefined || !runningStack(dataFolder)) {
    throw new UsageError(`No \`serve\` runs over ${dataFolder}. Name its data folder with --data.`);
  }
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; waited < MAX_WAIT_MS; waited += POLL_MS) {
    if (stackProcess(dataFolder) !== pid) {
      print(`The stack of process ${pid} has ended; running jobs continue at the next start.\n`);
      return 0;
    }
    await sleep(POLL_MS);
  }
  throw new UsageError(
    `The process ${pid} was told to end, and still runs after ${MAX_WAIT_MS / 1000} s. End it yourself: kill -9 ${pid}`,
  );
}
