import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { isRunning } from '../../core/job.ts';
import type { Began } from '../../core/repository-result.ts';
import { COST_OF_USAGE, Fleet, USAGE } from './fleet.ts';
import { until } from './until.ts';
import { call, calls, SUBMISSION } from './worker-stack.ts';

const WAYS: readonly Began[] = ['resumed', 'fromPatch', 'anew'];

/** Tests of revisions that are lost in each of the ways to begin, and of races and caps in these of them. */
export function testLostRevisions(ways: readonly Began[] = WAYS): void {
  let fleet: Fleet;
  /** The model answers revisions once this is resolved. */
  let gate = Promise.withResolvers<void>();
  let answers = 0;

  beforeAll(async () => {
    fleet = await Fleet.start({
      names: ['one'],
      concurrency: 3,
      script: async (request) => {
        const said = [...JSON.stringify(request.messages).matchAll(/Revise: (\w+)/g)].at(-1)?.[1];
        if (said) await gate.promise;
        answers += 1;
        const write = call('write_file', { path: 'a.txt', content: `${said ?? 'first'}\n` });
        return { usage: USAGE, ...calls(write, call('task_complete', SUBMISSION)) };
      },
    });
  });
  afterAll(() => fleet?.close());
  beforeEach(() => {
    gate = Promise.withResolvers();
    answers = 0;
  });

  const post = (jobId: string, route: string, body?: object) =>
    fleet.call('POST', `/jobs/${jobId}/${route}`, body);
  const revise = (jobId: string, begin: Began, word: string, more: object = {}) =>
    post(jobId, 'revise', { instruction: `Revise: ${word}`, begin, repositories: ['local/one'], ...more });
  const diffOf = async (jobId: string) =>
    (await fetch(`${fleet.stack.api}/jobs/${jobId}/repositories/local/one/diff`)).text();
  const rowOf = async (jobId: string) => (await fleet.rows(jobId)).one!;
  const costOf = async (jobId: string) => (await fleet.job(jobId)).costUsd;

  /** Waits until so many requests more than `before` have come to the model. */
  const asked = (before: number, more = 1) =>
    until('a request to the model', async () => fleet.model.requests.length >= before + more);

  test.each(WAYS)(
    'a revision that began %s survives a killed worker and a stopped execution, and keeps its bill',
    async (begin) => {
      const jobId = await fleet.post(['one']);
      await fleet.ended(jobId);
      let before = fleet.model.requests.length;
      expect((await revise(jobId, begin, 'second')).status).toBe(202);
      await asked(before);
      for (const { pid } of fleet.workers(jobId)) process.kill(pid, 'SIGKILL');
      await asked(before, 2);
      gate.resolve();
      expect(await fleet.ended(jobId)).toMatchObject({ status: 'completed', revisions: { replaced: 1 } });
      expect(await rowOf(jobId)).toMatchObject({
        ...{ status: 'completed', resultRun: 2, revision: { run: 2, cameTo: 'replaced', began: begin } },
      });
      const second = await diffOf(jobId);
      expect(second).toContain('+second');

      gate = Promise.withResolvers();
      before = fleet.model.requests.length;
      await revise(jobId, begin, 'third');
      await asked(before);
      const executionArn = fleet.executionArn(jobId, 3);
      await fleet.sfn.send(new StopExecutionCommand({ executionArn, error: 'Lost', cause: 'A test.' }));
      await fleet.atRest(jobId);
      gate.resolve();
      expect(await rowOf(jobId)).toMatchObject({
        ...{ status: 'completed', outcome: 'changed', resultRun: 2 },
        revision: { run: 3, cameTo: 'kept' },
      });
      expect((await rowOf(jobId)).standing).toBeUndefined();
      expect(await diffOf(jobId)).toBe(second);
      await until('the end of the workers', async () => fleet.workers(jobId).length === 0);

      await revise(jobId, begin, 'fourth');
      expect(await fleet.ended(jobId)).toMatchObject({ status: 'completed', revisions: { replaced: 1 } });
      expect(await diffOf(jobId)).toContain('+fourth');
      // The killed worker's request and that of the stopped run came to no answer that anyone read.
      expect(await costOf(jobId)).toBeCloseTo(3 * COST_OF_USAGE, 9);
    },
  );

  test.each(ways)(
    'of requests that race with a revision that began %s, each is carried out or refused, and no result is lost',
    async (begin) => {
      const jobId = await fleet.post(['one']);
      await fleet.ended(jobId);
      const { shape, patchSha } = await rowOf(jobId);
      const before = fleet.model.requests.length;
      const both = await Promise.all([revise(jobId, begin, 'second'), revise(jobId, begin, 'other')]);
      expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
      const word = both[0]!.status === 202 ? 'second' : 'other';
      await asked(before);
      // A person decides about the change that stands, and asks for its pull request.
      const decision = { decision: 'reject', shape };
      expect((await post(jobId, 'reviews', decision)).status).toBe(200);
      expect((await post(jobId, 'pull-requests')).status).toBe(202);
      expect((await post(jobId, 'pull-requests', { operation: 'merge' })).status).toBe(409);
      gate.resolve();
      expect(await fleet.ended(jobId)).toMatchObject({ run: 2, revisions: { replaced: 1 } });
      // The rejection is of the earlier patch; the pull request has the one that came of the revision.
      const row = await rowOf(jobId);
      expect(row.patchSha).not.toBe(patchSha);
      expect(row).toMatchObject({ resultRun: 2, pullRequest: { state: 'open', run: 2 } });
      expect(await diffOf(jobId)).toContain(`+${word}`);

      gate = Promise.withResolvers();
      const again = fleet.model.requests.length;
      await revise(jobId, begin, 'third');
      await asked(again);
      const [, cancelled] = await Promise.all([
        revise(jobId, begin, 'fourth'),
        post(jobId, 'cancel'),
        post(jobId, 'retry'),
      ]);
      expect(cancelled.status).toBe(200);
      await fleet.atRest(jobId);
      gate.resolve();
      await until('the rest', async () => !isRunning((await fleet.job(jobId)).status));
      const kept = await rowOf(jobId);
      if (kept.run === 3) {
        expect(kept).toMatchObject({
          status: 'completed',
          resultRun: 2,
          revision: { run: 3, cameTo: 'kept' },
        });
        expect(kept.patchSha).toBe(row.patchSha);
      }
      expect(kept.pullRequest).toMatchObject({ state: 'open' });
    },
  );

  test.each(ways)(
    'a revision that began %s and reaches the cap keeps the result, and one with a higher cap replaces it',
    async (begin) => {
      gate.resolve();
      const jobId = await fleet.post(['one']);
      await fleet.ended(jobId);
      const first = await diffOf(jobId);
      const spent = (await costOf(jobId))!;
      answers = 0;
      expect((await revise(jobId, begin, 'second', { maxCostUsd: spent + 1e-6 })).status).toBe(202);
      const job = await fleet.ended(jobId);
      expect(job).toMatchObject({
        status: 'completed',
        counts: { completed: 1 },
        revisions: { replaced: 0 },
      });
      const row = await rowOf(jobId);
      expect(row).toMatchObject({ status: 'completed', outcome: 'changed', resultRun: 1 });
      expect(['kept', 'notStarted']).toContain(row.revision!.cameTo);
      expect(await diffOf(jobId)).toBe(first);
      expect(job.costUsd).toBeCloseTo(spent + answers * COST_OF_USAGE, 9);

      expect((await revise(jobId, begin, 'third', { maxCostUsd: 5 })).status).toBe(202);
      expect(await fleet.ended(jobId)).toMatchObject({ revisions: { replaced: 1 } });
      expect(await diffOf(jobId)).toContain('+third');
    },
  );
}
