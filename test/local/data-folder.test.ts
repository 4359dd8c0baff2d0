import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { serveStack, temporaryFolder } from '../stack.ts';

test('a stack that was killed starts again although another process has its pid by now', async () => {
  const folder = await temporaryFolder();
  try {
    const killed = await serveStack({ dataFolder: folder.path });
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    // What is left after a restart of the machine, when the pid has gone to a process that lives: this one.
    const file = path.join(folder.path, 'stack.json');
    const left = JSON.parse(await readFile(file, 'utf8'));
    left.pid = process.pid;
    left.owner.pid = process.pid;
    await writeFile(file, JSON.stringify(left));

    const stack = await serveStack({ dataFolder: folder.path });
    expect((await fetch(`${stack.api}/health`)).status).toBe(200);
    await stack.close();
  } finally {
    await folder.remove();
  }
});
