import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { logTo } from '../../lambdas/logger.ts';

/** Keeps what functions of this process log from now on, in place of printing it between the results of tests. */
export function keepLog(): string[] {
  const written: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      written.push(String(chunk));
      done();
    },
  });
  logTo(new Console({ stdout: stream, stderr: stream }));
  return written;
}
