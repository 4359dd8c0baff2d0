import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { costOfRequest } from '../../core/models.ts';
import { OutcomeDocument } from '../../core/outcome.ts';
import type { Began } from '../../core/repository-result.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import { writeRunRequest } from '../../core/store/run-requests.ts';
import { until } from '../support/until.ts';
import { newerWorkerBundle } from '../support/worker-bundle.ts';
import { call, calls, Stack, SUBMISSION } from '../support/worker-stack.ts';

const NAME = 'acme/revised';
const usage = { input_tokens: 1000, output_tokens: 100 };
const MODEL = 'claude-sonnet-5';
const COST = costOfRequest(MODEL, { input: 1000, output: 100, cacheCreation: 0, cacheRead: 0, total: 1100 })!;
const REFUSED = 'sent again without the thinking of earlier turns';

let stack: Stack;
let jobId: string;
let bundle: string;
let newer: string;
let run = 1;

/** An answer with a thought, which the API binds to all that stands before it. */
const write = (content: string) => ({
  ...calls(
    { type: 'thinking', thinking: `I write ${content}.` },
    call('write_file', { path: 'a.txt', content }),
  ),
  usage,
});
const submission = { ...calls(call('task_complete', SUBMISSION)), usage };

beforeAll(async () => {
  stack = await Stack.start();
  bundle = stack.entry;
  newer = await newerWorkerBundle(path.join(stack.folder, 'newer'));
  await stack.createRepository(NAME, { 'a.txt': 'zero\n' });
  jobId = await stack.createJob([NAME], { settings: { model: MODEL } });
  await stack.work([jobId, NAME], [write('one\n'), submission]);
});
afterAll(() => stack.close());

const keysOf = (ofRun: number) => runArtifactKeys({ jobId, repositoryName: NAME, run: ofRun });

async function outcomeOf(ofRun: number): Promise<OutcomeDocument> {
  return OutcomeDocument.parse(JSON.parse((await stack.artifacts.read(keysOf(ofRun).outcome))!.toString()));
}

/** Reserves the next run, which revises. */
async function reserve(begin: Began): Promise<void> {
  const { settings, maxCostUsd, tokenUsage, counts } = await stack.jobs.get(jobId);
  const at = new Date().toISOString();
  await stack.jobs.end(jobId, run, { status: 'completed', at, tokenUsage, counts });
  const action = 'revise' as const;
  const asked = { kind: action, action, begin, instruction: 'Write it again.', prompt: 'Write it.' };
  const request = await writeRunRequest(stack.artifacts, jobId, {
    ...{ ...asked, settings, maxCostUsd, requestedAt: at },
  });
  expect(await stack.jobs.reserveRun(jobId, run, { action, request }, at)).toBe(true);
  run += 1;
  await stack.control.openRun(jobId, run);
}

test.each<[Began, number]>([
  ['resumed', 2],
  ['fromPatch', 3],
  ['anew', 4],
])(
  'a revision that began %s and was killed is resumed by another version of the worker: nothing is asked for twice',
  async (begin, ofRun) => {
    await reserve(begin);
    const args = [jobId, NAME, String(ofRun), String(ofRun - 1)];
    stack.entry = newer;
    const lost = await stack.startWorker(args, [write(`${begin}\n`), { stall: true }]);
    await until('the second request', async () => lost.model.requests.length === 2);
    lost.child.kill('SIGKILL');
    const { model: before, log: firstLog } = await lost.finished;
    expect(before.faults).toEqual([]);
    // The thoughts of the earlier run are bound to the prompt of the worker that it had.
    expect(firstLog.includes(REFUSED)).toBe(begin === 'resumed');

    stack.entry = bundle;
    const { exitCode, log, model } = await stack.work(args, [submission]);
    expect([exitCode, model.faults]).toEqual([0, []]);
    expect(log).toContain(REFUSED);
    expect(model.requests).toHaveLength(1);
    // But for the thoughts, it sends what the worker before it sent.
    expect(messagesOf(model)).toEqual(messagesOf(before).map(withoutThinking));
    const outcome = await outcomeOf(ofRun);
    expect(outcome).toMatchObject({
      outcome: 'changed',
      began: begin,
      turns: 2,
      tokenUsage: { total: 2200 },
    });
    expect(outcome.costUsd).toBeCloseTo(2 * COST, 9);
    expect((await stack.artifacts.read(keysOf(ofRun).diff))!.toString()).toContain(`+${begin}\n`);
    // What the earlier run left is as it was.
    expect((await outcomeOf(ofRun - 1)).run).toBe(ofRun - 1);
  },
);

type Block = { type: string };
type Messages = { role: string; content: Block[] }[];

/** The messages of the last request, without the marks of the prompt cache. */
function messagesOf({ requests }: { requests: { body: { messages: unknown } }[] }): Messages {
  return JSON.parse(
    JSON.stringify(requests.at(-1)!.body.messages, (key, value) =>
      key === 'cache_control' ? undefined : value,
    ),
  );
}

function withoutThinking({ role, content }: Messages[number]) {
  return { role, content: content.filter(({ type }) => type !== 'thinking') };
}
