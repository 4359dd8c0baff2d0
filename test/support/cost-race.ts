import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Fleet } from './fleet.ts';

/** claude-sonnet-5-5, USD a token. */
const [INPUT_USD, OUTPUT_USD] = [2e-6, 10e-6];

/** Tests of this many workers at once, which race for what their job may cost. */
export function testCostRace(atOnce: number): void {
  // More than the workers at once, so that some wait.
  const names = Array.from({ length: atOnce + 5 }, (_, i) => `r${String(i).padStart(2, '0')}`);
  let fleet: Fleet;
  /** USD that the model has billed in the current test. */
  let billed = 0;
  let outputTokens: () => number;

  beforeAll(async () => {
    fleet = await Fleet.start({
      names,
      concurrency: atOnce,
      // Never submits: only a limit ends it.
      script: async ({ messages }) => {
        await sleep(20);
        const usage = { input_tokens: 1000, output_tokens: outputTokens() };
        billed += usage.input_tokens * INPUT_USD + usage.output_tokens * OUTPUT_USD;
        const input = { path: `file-${messages.length}.txt`, content: 'x\n' };
        return { usage, content: [{ type: 'tool_use', name: 'write_file', input }] };
      },
    });
  });
  afterAll(() => fleet?.close());

  test.each([
    ['that cost what was estimated at most', () => 200, 0],
    // 3,000 tokens where about 1,000 were reserved.
    ['that cost more than was estimated', () => 3000, atOnce * 3000 * OUTPUT_USD],
  ])(
    `${atOnce} workers that race for the job's maxCostUsd by calls %s do not pass it by more than the calls in flight`,
    async (_what, tokens, excessUsd) => {
      outputTokens = tokens;
      billed = 0;
      const maxCostUsd = 0.025 * atOnce;
      const jobId = await fleet.post(names, { maxCostUsd, maxConcurrency: atOnce });
      const job = await fleet.ended(jobId);
      expect(job.status).toBe('failed');
      expect(job.costUsd).toBeCloseTo(billed, 6);
      expect(billed).toBeLessThanOrEqual(maxCostUsd + excessUsd);
      // At most the reservations of the calls in flight may remain unspent.
      expect(billed).toBeGreaterThan(maxCostUsd * 0.3);

      const rows = Object.values(await fleet.rows(jobId));
      for (const row of rows.filter(({ status }) => status === 'failed'))
        expect(row).toMatchObject({ outcome: 'gaveUp', end: 'jobCost' });
      for (const row of rows.filter(({ status }) => status !== 'failed')) {
        expect(row).toMatchObject({
          status: 'cancelled',
          error: { name: 'JobStopped', message: expect.stringContaining('maxCostUsd') },
        });
        expect(row).not.toHaveProperty('tokenUsage');
      }
      expect(job.counts.cancelled).toBeGreaterThanOrEqual(names.length - atOnce);
      expect(job.counts).toMatchObject({ total: names.length, pending: 0, processing: 0, completed: 0 });
      expect(await fleet.control(jobId)).toMatchObject({
        stoppedBy: 'jobCost',
        reservedUsd: expect.closeTo(billed, 6),
      });
      expect(await fleet.temporaryFolders()).toEqual([]);
    },
  );
}
