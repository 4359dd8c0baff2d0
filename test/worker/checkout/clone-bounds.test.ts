import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type LoopbackServer, listenOnLoopback } from '../../../local/access/loopback.ts';
import { Stack } from '../../support/worker-stack.ts';

let stack: Stack;
let server: LoopbackServer;
/** The kernel's limits of the git processes that speak to the server. */
const bounds: { dataBytes: number; oomScore: number }[] = [];

beforeAll(async () => {
  stack = await Stack.start();
  server = await listenOnLoopback(
    (request, response) => {
      request.resume();
      bounds.push(...boundsOfGit(server.url));
      response.writeHead(404).end();
    },
    { access: 'anyone', name: 'git server' },
  );
});
afterAll(async () => {
  await server?.close();
  await stack?.close();
});

function boundsOfGit(url: string): typeof bounds {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (!/^\d+$/.test(pid) || !/git/.test(command.split('\0')[0]!) || !command.includes(`${url}/`))
        return [];
      const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
      const dataBytes = Number(/^Max data size\s+(\S+)/m.exec(limits)![1]);
      return [{ dataBytes, oomScore: Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8')) }];
    } catch {
      // The process has ended.
      return [];
    }
  });
}

// Only Linux has both limits.
(process.platform === 'linux' ? test : test.skip)(
  'a clone has a memory limit, and the out-of-memory killer ends it before the worker',
  async () => {
    const name = 'acme/bounded';
    await stack.createRepository(name, { 'a.txt': 'a\n' });
    const jobId = await stack.createJob([name]);
    await stack.work([jobId, name], [], { GITHUB_API_URL: `${server.url}/api/v3` });
    expect(await stack.outcome(jobId, name)).toMatchObject({ outcome: 'failed' });
    expect(bounds.length).toBeGreaterThan(0);
    for (const { dataBytes, oomScore } of bounds) {
      expect(dataBytes).toBeLessThan(2 ** 31);
      expect(oomScore).toBe(1000);
    }
  },
);
