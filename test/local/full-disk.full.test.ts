import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Job } from '../../core/job.ts';
import { writeAndSubmit } from '../support/fleet.ts';
import { type ScriptedModel, startScriptedModel } from '../support/scripted-model.ts';
import { cody, serveStack } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { repositoryOf } from '../support/work-trees.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let model: ScriptedModel;
/** Called for each answer of the model. */
let atAnswer: () => Promise<unknown> = async () => {};

beforeAll(async () => {
  folder = await temporaryFolder();
  model = await startScriptedModel(async (request) => {
    await atAnswer();
    return writeAndSubmit(request);
  });
});
afterAll(async () => {
  await model.close();
  await folder.remove();
});

test('a disk that becomes full costs a running job at most a retry, and damages nothing', async () => {
  const disk = path.join(folder.path, 'disk');
  await mkdir(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m,mode=0700', 'tmpfs', disk], { stdio: 'pipe' });
  } catch (error) {
    console.warn(`Skipped: no file system can be mounted here (${(error as Error).message.trim()}).`);
    return;
  }
  try {
    const tree = path.join(folder.path, 'tree');
    await repositoryOf(tree, { 'a.txt': 'one\n' });
    const environment = { ANTHROPIC_API_KEY: 'sk-ant-not-a-real-key', ANTHROPIC_BASE_URL: model.url };
    const data = path.join(disk, 'data');
    const run = () =>
      cody(['run', '--repo', tree, '--prompt', 'Edit.', '--json', '--yes', '--data', data], environment);
    const first = await run();
    expect(first.status).toBe(0);

    const filler = path.join(disk, 'filler');
    atAnswer = () => writeFile(filler, Buffer.alloc(96 * 2 ** 20)).catch(() => {});
    const second = await run();
    // Either a worker found the disk full, and its repository failed, or the stack did.
    if (second.status === 1) expect(second.stdout).toContain('WorkerLostError');
    else expect(second.stderr).toMatch(/^cody-batch: .*(?:no space left on device|ENOSPC)/im);
    expect([1, 2]).toContain(second.status);
    expect(second.stderr).not.toMatch(/^\s+at /m);

    atAnswer = async () => {};
    await rm(filler);
    const stack = await serveStack({ dataFolder: data, environment });
    try {
      const ended = () =>
        until('the end of both jobs', async () => {
          const { jobs } = (await (await fetch(`${stack.api}/jobs`)).json()) as { jobs: Job[] };
          return jobs.every(({ completedAt }) => completedAt) ? jobs : undefined;
        });
      const [interrupted, before] = await ended();
      expect(before).toMatchObject({ jobId: (JSON.parse(first.stdout) as Job).jobId, status: 'completed' });
      if (interrupted!.status === 'failed')
        await fetch(`${stack.api}/jobs/${interrupted!.jobId}/retry`, { method: 'POST' });
      expect((await ended()).map(({ status }) => status)).toEqual(['completed', 'completed']);
    } finally {
      await stack.close();
    }
  } finally {
    execFileSync('umount', ['--lazy', disk]);
  }
});
