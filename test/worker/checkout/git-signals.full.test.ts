import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WORKER_TROUBLED } from '../../../core/attempts.ts';
import { oomKills } from '../../../worker/sandbox/oom-kills.ts';
import { call, calls, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

/** Returns a folder for PATH whose git ends itself by `signal`, the first time that it runs `command`. */
async function gitThatIsEnded(signal: string, command: string): Promise<string> {
  const folder = path.join(stack.folder, `git-${signal}`);
  await mkdir(folder);
  const script = `#!/bin/sh
case " $* " in *" ${command} "*) mkdir '${folder}/once' 2> /dev/null && kill -${signal} $$ ;; esac
PATH='${process.env.PATH}' exec git "$@"
`;
  await writeFile(path.join(folder, 'git'), script);
  await chmod(path.join(folder, 'git'), 0o755);
  return `${folder}:${process.env.PATH}`;
}

// Without the kernel's count of out-of-memory kills, the worker cannot know the cause of the signal.
const testWithOomCount = oomKills() === undefined ? test.skip : test;

testWithOomCount.each(['KILL', 'TERM', 'SEGV'])(
  'a git that is killed from outside by SIG%s is not reported as out of memory, and the next attempt continues',
  async (signal) => {
    const name = `acme/${signal.toLowerCase()}`;
    await stack.createRepository(name, { 'a.txt': 'one\n' });
    const jobId = await stack.createJob([name]);
    const edit = call('write_file', { path: 'a.txt', content: 'two\n' });
    const PATH = await gitThatIsEnded(signal, 'update-index --add');
    const first = await stack.work([jobId, name], [calls(edit), submit], { PATH });
    expect(first.log).toContain('GitInterruptedError');
    expect(first.log).not.toContain('memory');
    expect(first.exitCode).toBe(WORKER_TROUBLED);
    expect(await stack.outcome(jobId, name)).toBeUndefined();
    const answered = first.model.requests.length;
    const next = await stack.work([jobId, name], [calls(edit), submit].slice(answered), { PATH });
    expect(next.exitCode).toBe(0);
    expect(await stack.outcome(jobId, name)).toMatchObject({ outcome: 'changed', turns: 2 });
  },
);
