import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { toolExchanges } from '../../../local/model/conversation.ts';
import type { Script } from '../../support/scripted-model.ts';
import { call, calls, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

const files = { 'a.txt': 'one\ntwo\n' };
const usage = { input_tokens: 1000, output_tokens: 100 };
const firstEdit = {
  content: [
    call('edit_file', { path: 'a.txt', oldText: 'one', newText: '1' }),
    call('write_file', { path: 'binary', content: '\u0000\u0001' }),
  ],
  usage,
};
const stall = { stall: true } as const;

/** Starts a worker and gives it a signal once the model was asked `requests` times. */
async function interrupt(
  jobId: string,
  name: string,
  script: Script,
  requests: number,
  signal: NodeJS.Signals,
) {
  const { child, finished, model } = await stack.startWorker([jobId, name], script);
  while (model.requests.length < requests) await sleep(10);
  // The checkpoint before this request is complete: the worker asks only after it.
  child.kill(signal);
  return finished;
}

test('a worker that has to stop leaves nothing behind, and its exit status is 143', async () => {
  await stack.createRepository('acme/stopped', files);
  const jobId = await stack.createJob(['acme/stopped']);
  const { exitCode, log } = await interrupt(jobId, 'acme/stopped', [firstEdit, stall], 2, 'SIGTERM');
  expect(exitCode).toBe(143);
  expect(log).toContain('stopped by SIGTERM');
  expect(await stack.leftovers()).toEqual([]);
  expect(await stack.outcome(jobId, 'acme/stopped')).toBeUndefined();
});

test('a running command does not survive a worker that has to stop', async () => {
  await stack.createRepository('acme/command', files);
  const jobId = await stack.createJob(['acme/command'], { settings: { shell: true } });
  const command = 'trap "" TERM; sleep 30 & wait; sleep 30';
  const { child, finished, model } = await stack.startWorker(
    [jobId, 'acme/command'],
    [calls(call('shell', { command }))],
  );
  while (model.requests.length < 1) await sleep(10);
  await sleep(200);
  child.kill('SIGTERM');
  expect((await finished).exitCode).toBe(143);
  expect(await stack.leftovers()).toEqual([]);
});

test('a worker that was killed is resumed: no turn is paid twice and no edit is lost, although the branch moved on', async () => {
  await stack.createRepository('acme/killed', files);
  const setup = ['echo set up >> a.txt && echo new > from-setup'];
  const jobId = await stack.createJob(['acme/killed'], { settings: { setup } });
  await interrupt(jobId, 'acme/killed', [firstEdit, stall], 2, 'SIGKILL');
  await stack.push('acme/killed', { 'a.txt': 'other\n' }, 'meanwhile');

  const second = { ...calls(call('edit_file', { path: 'a.txt', oldText: 'two', newText: '2' })), usage };
  const { model, exitCode } = await stack.work([jobId, 'acme/killed'], [second, { ...submit, usage }]);
  const outcome = (await stack.outcome(jobId, 'acme/killed'))!;
  expect(exitCode).toBe(0);
  expect(toolExchanges(model.requests[0]!.body).map(({ name }) => name)).toEqual(['edit_file', 'write_file']);
  expect(outcome).toMatchObject({ outcome: 'changed', turns: 3, tokenUsage: { input: 3000, output: 300 } });
  expect(outcome.changes).toMatchObject([
    { file: 'a.txt', additions: 3, deletions: 2 },
    { file: 'binary', status: 'added' },
    { file: 'from-setup', additions: 1 },
  ]);
});

test('a worker whose commit was overwritten starts over, and the earlier cost still counts', async () => {
  await stack.createRepository('acme/overwritten', files);
  const jobId = await stack.createJob(['acme/overwritten']);
  await interrupt(jobId, 'acme/overwritten', [firstEdit, stall], 2, 'SIGKILL');
  await stack.overwrite('acme/overwritten', { 'a.txt': 'uno\n' });

  const edit = { ...calls(call('edit_file', { path: 'a.txt', oldText: 'uno', newText: '1' })), usage };
  const { model, exitCode, log } = await stack.work(
    [jobId, 'acme/overwritten'],
    [edit, { ...submit, usage }],
  );
  expect(exitCode).toBe(0);
  expect(log).toContain('The work starts over');
  expect(toolExchanges(model.requests[0]!.body)).toEqual([]);
  expect(await stack.outcome(jobId, 'acme/overwritten')).toMatchObject({
    outcome: 'changed',
    changes: [{ file: 'a.txt', additions: 1, deletions: 1 }],
    tokenUsage: { input: 3000, output: 300 },
  });
});

test('an answer whose tools were cut short by a kill is not requested again', async () => {
  await stack.createRepository('acme/midturn', files);
  const jobId = await stack.createJob(['acme/midturn'], { settings: { shell: true } });
  const edit = call('edit_file', { path: 'a.txt', oldText: 'one', newText: '1' });
  const wait = call('shell', { command: 'test -e "$TMPDIR/../../go" || sleep 30' });
  const { child, finished } = await stack.startWorker(
    [jobId, 'acme/midturn'],
    [{ content: [edit, wait], usage }],
  );
  const saved = `jobs/${jobId}/repositories/acme/midturn/1/checkpoint/usage.json`;
  while (!(await stack.artifacts.read(saved))) await sleep(10);
  await sleep(100);
  child.kill('SIGKILL');
  await finished;

  const { writeFile } = await import('node:fs/promises');
  await writeFile(`${stack.tempDir}/go`, '');
  const { model } = await stack.work([jobId, 'acme/midturn'], [{ ...submit, usage }]);
  expect(toolExchanges(model.requests[0]!.body)).toMatchObject([
    { name: 'edit_file', isError: false },
    { name: 'shell', isError: false },
  ]);
  expect(await stack.outcome(jobId, 'acme/midturn')).toMatchObject({ turns: 2, tokenUsage: { input: 2000 } });
});

test('a worker that is started again after its outcome pays nothing', async () => {
  await stack.createRepository('acme/again', files);
  const jobId = await stack.createJob(['acme/again']);
  await stack.work([jobId, 'acme/again'], [firstEdit, submit]);
  const before = await stack.outcome(jobId, 'acme/again');
  const { exitCode, model } = await stack.work([jobId, 'acme/again'], [firstEdit]);
  expect({ exitCode, requests: model.requests.length }).toEqual({ exitCode: 0, requests: 0 });
  expect(await stack.outcome(jobId, 'acme/again')).toEqual(before);
});
