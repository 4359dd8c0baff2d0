import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { MessageRequest } from '../../../local/model/conversation.ts';
import {
  SEEDED_BASE,
  SEEDED_CHANGE,
  SEEDED_FAULTS,
  SEEDED_PROMPT,
  type SeededFault,
} from '../../support/seeded-changes.ts';
import { call, calls, Stack, SUBMISSION } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

const writes = (files: Record<string, string>) =>
  Object.entries(files).map(([path, content]) => call('write_file', { path, content }));
const submission = call('task_complete', SUBMISSION);

/** The patch that a judge is shown. */
function patchOf({ messages }: MessageRequest): string {
  const [, , change] = messages[0]!.content as { text: string }[];
  return JSON.parse(/<change>(.*)<\/change>$/s.exec(change!.text)![1]!);
}

/** A judge that knows the fault: it sends back every patch that shows it. */
function judge(request: MessageRequest, { file, shows }: SeededFault) {
  const isFaulty = patchOf(request).split('\n').includes(shows);
  const reasons = isFaulty ? [{ file, line: 1, text: 'The task does not ask for this.' }] : [];
  const answer = { reasons, risk: isFaulty ? 'high' : 'low', decision: isFaulty ? 'revise' : 'approve' };
  return { content: [{ type: 'text' as const, text: JSON.stringify(answer) }] };
}

/** The change with the fault, and then the step that takes the fault out. */
function attempts({ file, after }: SeededFault) {
  const { [file]: intended = SEEDED_BASE[file]!, ...others } = SEEDED_CHANGE;
  const spoil = after === undefined ? call('delete_file', { path: file }) : writes({ [file]: after })[0]!;
  return [calls(...writes(others), spoil, submission), calls(...writes({ [file]: intended }), submission)];
}

test.each(Object.entries(SEEDED_FAULTS))(
  'the judge is shown %s, and what is recorded does not have it',
  async (_, fault) => {
    let turn = 0;
    const answers = attempts(fault);
    const { outcome, model } = await stack.analyze(
      SEEDED_BASE,
      (request) => (request.output_config?.format ? judge(request, fault) : answers[turn++]!),
      { prompt: SEEDED_PROMPT, settings: { judge: {} } },
    );
    expect(model.faults).toEqual([]);
    expect(outcome).toMatchObject({
      outcome: 'changed',
      turns: 2,
      judgement: { decision: 'approve', rounds: 2 },
      changes: Object.keys(SEEDED_CHANGE).map((file) => ({ file, status: 'modified' })),
    });
    const diff = (await stack.artifacts.read(outcome.artifacts.diff!))!.toString();
    expect(diff.split('\n')).not.toContain(fault.shows);
    // The judge's answers are a part of the bill, which has each answer once.
    const judged = outcome.judgement!.tokenUsage.total;
    expect(judged).toBeGreaterThan(0);
    expect(outcome.tokenUsage.total).toBeGreaterThan(judged);
  },
);

test('a rejected change has no change set, so that nothing can publish it', async () => {
  const fault = SEEDED_FAULTS['a network call']!;
  const [spoilt] = attempts(fault);
  const rejection = {
    reasons: [{ file: fault.file, line: 1, text: 'It sends data out.' }],
    risk: 'high',
    decision: 'reject',
  };
  const { outcome } = await stack.analyze(
    SEEDED_BASE,
    [spoilt!, { content: [{ type: 'text', text: JSON.stringify(rejection) }] }],
    { prompt: SEEDED_PROMPT, settings: { judge: {} } },
  );
  expect(outcome).toMatchObject({ outcome: 'gaveUp', judgement: { decision: 'reject' } });
  expect(outcome.artifacts.changeSet).toBeUndefined();
});
