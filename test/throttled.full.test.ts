import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Reply } from '../local/model/reply.ts';
import { COST_OF_USAGE, callTool, Fleet, writeAndSubmit } from './fleet.ts';

const NAMES = Array.from({ length: 100 }, (_, i) => `r${String(i).padStart(3, '0')}`);
/** What the model's service admits, whoever asks. */
const A_SECOND = 10;
const TURNS = 4;

let fleet: Fleet;
let admitted = 0;
let limited = 0;

beforeAll(async () => {
  const admissions: number[] = [];
  fleet = await Fleet.start({
    names: NAMES,
    // Workers that two cores bear ask more than admitted several times over. A pause of a minute takes a second.
    scaled: { timeScale: 60, maxRunning: 20, settings: { CLAUDE_PATIENCE_SECONDS: '2' } },
    script: (request): Reply => {
      const now = performance.now();
      while (admissions[0]! <= now - 1000) admissions.shift();
      if (admissions.length >= A_SECOND) {
        limited += 1;
        return { status: 429, type: 'rate_limit_error', message: 'This would exceed 10 requests a second.' };
      }
      admissions.push(now);
      admitted += 1;
      const turn = (request.messages.length + 1) / 2;
      if (turn < TURNS) return callTool('write_file', { path: `${turn}.txt`, content: `${turn}\n` });
      return writeAndSubmit(request);
    },
  });
}, 120_000);
afterAll(() => fleet.close());

test('a hundred workers finish at a service that admits ten requests a second, and no turn is paid twice', async () => {
  const jobId = await fleet.post(NAMES, { maxConcurrency: 20 });
  const job = await fleet.ended(jobId, 400_000);
  expect(job.counts).toMatchObject({ total: 100, completed: 100 });
  const rows = Object.values(await fleet.rows(jobId));
  expect(new Set(rows.map(({ outcome, end, turns }) => `${outcome} ${end} ${turns}`))).toEqual(
    new Set([`changed submitted ${TURNS}`]),
  );
  expect(admitted).toBe(NAMES.length * TURNS);
  expect(job.costUsd).toBeCloseTo(NAMES.length * TURNS * COST_OF_USAGE, 6);
  // The service did refuse, and workers did leave their places and come back.
  expect(limited).toBeGreaterThan(0);
  expect(rows.filter(({ attempts }) => attempts! > 1).length).toBeGreaterThan(0);
  expect(await fleet.temporaryFolders()).toEqual([]);
}, 420_000);
