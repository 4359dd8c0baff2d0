import { statfs } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { runningStack, stackProcess } from '../../local/data-folder.ts';
import { DEFAULT_PORT } from '../connect/ports.ts';
import { requireGit } from '../trees/require-git.ts';
import { type Check, check } from './check.ts';

const LOW_MIB = 1024;

/** Checks that this machine can run a stack. */
export async function checkMachine(dataFolder: string): Promise<Check[]> {
  return Promise.all([
    check('Node.js', async () => `${process.versions.node} at ${process.execPath}`),
    check('git', async () => {
      await requireGit();
      return '2.38 or newer';
    }),
    check('disk', async () => {
      const { bavail, bsize } = await statfs(await existingFolder(dataFolder));
      const mib = Math.floor((bavail * bsize) / 1024 / 1024);
      return { state: mib < LOW_MIB ? 'note' : 'ok', detail: `${mib.toLocaleString('en-US')} MiB free` };
    }),
    check('serve', async () => {
      const running = runningStack(dataFolder);
      if (!running) return { state: 'note', detail: 'does not run; commands start a stack of their own' };
      return `process ${stackProcess(dataFolder)} at ${running.api}, with ${running.model === 'claude' ? 'Claude' : 'the offline model'}`;
    }),
    check('ports', async () => {
      const ports = Array.from({ length: 6 }, (_, i) => DEFAULT_PORT + i);
      const free = await Promise.all(ports.map(isFree));
      const taken = ports.filter((_, i) => !free[i]);
      if (taken.length === 0) return `${ports[0]} to ${ports.at(-1)} are free for serve`;
      return { state: 'note', detail: `${taken.join(', ')} in use; serve needs six in a row (--port)` };
    }),
  ]);
}

async function existingFolder(folder: string): Promise<string> {
  return statfs(folder).then(
    () => folder,
    () => (folder === path.dirname(folder) ? folder : existingFolder(path.dirname(folder))),
  );
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = net.createServer();
  probe.once('error', () => resolve(false));
  probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  return promise;
}
