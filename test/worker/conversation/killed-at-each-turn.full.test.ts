import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { Thread } from '../../../core/thread.ts';
import type { MessageRequest } from '../../../local/model/conversation.ts';
import { until } from '../../support/until.ts';
import { call, calls, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ bundled: true });
});
afterAll(() => stack.close());

const TURNS = 10;
const NAME = 'acme/ten-turns';
const usage = { input_tokens: 1000, output_tokens: 100 };

/** How many answers the request carries already. */
function answered({ messages }: MessageRequest): number {
  return messages.filter(({ role }) => role === 'assistant').length;
}

function unmarked(message: MessageRequest['messages'][number]): string {
  return JSON.stringify(message, (key, value) => (key === 'cache_control' ? undefined : value));
}

test('a worker that is killed twice in each of ten turns pays no turn twice, and loses no edit', async () => {
  await stack.createRepository(NAME, { 'lines.txt': '' });
  const jobId = await stack.createJob([NAME], { settings: { shell: true } });
  const marker = (turn: number) => path.join(stack.folder, `turn-${turn}`);

  /** Every request that reached the model, with whether it was answered: an answer is what is paid for. */
  const requests: { request: MessageRequest; paid: boolean }[] = [];
  const reply = (request: MessageRequest) => {
    const turn = answered(request) + 1;
    // The first request of each turn is never answered: the worker is killed while it waits.
    const paid = requests.some((earlier) => answered(earlier.request) + 1 === turn);
    requests.push({ request, paid });
    if (!paid) return { stall: true } as const;
    if (turn === TURNS) return { ...submit, usage };
    // Once more it is killed while this command runs, after the edit beside it.
    const command = `test -e ${marker(turn)} || { touch ${marker(turn)}.begun; sleep 60; }`;
    const text = Array.from({ length: turn }, (_, i) => `line ${i + 1}\n`).join('');
    return {
      ...calls(call('write_file', { path: 'lines.txt', content: text }), call('shell', { command })),
      usage,
    };
  };

  const attempt = async (killWhen: () => boolean) => {
    const { child, finished } = await stack.startWorker([jobId, NAME], reply);
    await until('the time of the kill', killWhen);
    child.kill('SIGKILL');
    await finished;
  };
  for (let turn = 1; turn <= TURNS; turn++) {
    await attempt(() => requests.length > 0 && answered(requests.at(-1)!.request) === turn - 1);
    if (turn === TURNS) break;
    await attempt(() => existsSync(`${marker(turn)}.begun`));
    await writeFile(marker(turn), '');
  }
  const { exitCode } = await stack.work([jobId, NAME], reply);

  expect(exitCode).toBe(0);
  const paidTurns = requests.filter(({ paid }) => paid).map(({ request }) => answered(request) + 1);
  expect(paidTurns).toEqual(Array.from({ length: TURNS }, (_, i) => i + 1));

  // What the cache is keyed by: each request starts with all that the one before sent, but for where it is marked.
  const bytes = requests.map(({ request }) => {
    const { messages, ...prefix } = request;
    return { prefix: JSON.stringify(prefix), messages: messages.map(unmarked) };
  });
  expect(new Set(bytes.map(({ prefix }) => prefix)).size).toBe(1);
  for (const [i, { messages }] of bytes.entries()) {
    if (i > 0) expect(messages.slice(0, bytes[i - 1]!.messages.length)).toEqual(bytes[i - 1]!.messages);
  }

  const outcome = await stack.outcome(jobId, NAME);
  expect(outcome).toMatchObject({
    outcome: 'changed',
    turns: TURNS,
    tokenUsage: { input: TURNS * 1000, output: TURNS * 100 },
    changes: [{ file: 'lines.txt', additions: TURNS - 1, deletions: 0 }],
  });
  const thread = Thread.parse(
    JSON.parse(
      (await stack.artifacts.read(
        runArtifactKeys({ jobId, repositoryName: NAME, run: 1 }).thread,
      ))!.toString(),
    ),
  );
  expect(thread.turns).toHaveLength(TURNS);
});
