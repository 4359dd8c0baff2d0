import { Console } from 'node:console';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';

/** The file with the lines of all functions. */
export const FUNCTIONS_LOG = 'functions.log';

/** Makes the functions log to a file, which replaces CloudWatch: the terminal is for the command. Returns its close. */
export async function sendLogsTo(folder: string): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true });
  const file = createWriteStream(path.join(folder, FUNCTIONS_LOG), { flags: 'a' });
  const { logTo } = await import('../lambdas/logger.ts');
  logTo(new Console({ stdout: file, stderr: file }));
  return async () => {
    file.end();
    await once(file, 'close');
  };
}
