import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Failure, Reply } from '../../local/model/reply.ts';
import { COST_OF_USAGE, callTool, Fleet, writeAndSubmit } from './fleet.ts';

/** The model's service answers this many requests and then refuses as many. */
const IN_A_ROW = 10;
const PATIENCE_SECONDS = 2;
const TURNS = 4;

/** A test of this many workers, ten at once, at a service that refuses as much as it answers. */
export function testThrottled(workers: number): void {
  const names = Array.from({ length: workers }, (_, i) => `r${String(i).padStart(3, '0')}`);
  let fleet: Fleet;
  let admitted = 0;
  let limited = 0;
  let toldToLeave = 0;

  beforeAll(async () => {
    fleet = await Fleet.start({
      names,
      // A pause of a minute takes a second.
      ...{ timeScale: 60, concurrency: 10, settings: { CLAUDE_PATIENCE_SECONDS: String(PATIENCE_SECONDS) } },
      script: (request): Reply => {
        // By number and not by time, so that a slow machine is refused as often as a fast one.
        if ((admitted + limited) % (2 * IN_A_ROW) >= IN_A_ROW) {
          limited += 1;
          const refusal: Failure = { status: 429, type: 'rate_limit_error', message: 'Too many requests.' };
          if (limited % 4 !== 0) return refusal;
          // Longer than a running worker waits.
          toldToLeave += 1;
          return { ...refusal, headers: { 'retry-after': String(PATIENCE_SECONDS + 1) } };
        }
        admitted += 1;
        const turn = (request.messages.length + 1) / 2;
        if (turn < TURNS) return callTool('write_file', { path: `${turn}.txt`, content: `${turn}\n` });
        return writeAndSubmit(request);
      },
    });
  });
  afterAll(() => fleet?.close());

  test(`${workers} workers finish at a service that refuses as much as it answers, and no turn is paid twice`, async () => {
    const jobId = await fleet.post(names, { maxConcurrency: 10 });
    const job = await fleet.ended(jobId);
    expect(job.counts).toMatchObject({ total: workers, completed: workers });
    const rows = Object.values(await fleet.rows(jobId));
    expect(new Set(rows.map(({ outcome, end, turns }) => `${outcome} ${end} ${turns}`))).toEqual(
      new Set([`changed submitted ${TURNS}`]),
    );
    expect(admitted).toBe(workers * TURNS);
    expect(job.costUsd).toBeCloseTo(workers * TURNS * COST_OF_USAGE, 6);
    // The service did refuse requests, and workers did stop and start again.
    expect(limited).toBeGreaterThanOrEqual(admitted - IN_A_ROW);
    const left = rows.reduce((sum, { attempts }) => sum + attempts! - 1, 0);
    expect(left).toBeGreaterThanOrEqual(toldToLeave);
    expect(toldToLeave).toBeGreaterThan(workers / 2);
    expect(await fleet.temporaryFolders()).toEqual([]);
  });
}
