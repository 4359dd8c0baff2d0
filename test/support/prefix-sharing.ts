import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Reply } from '../../local/model/reply.ts';
import { Fleet } from './fleet.ts';

const PROMPT = 'Add a file that says who made it, and nothing else. '.repeat(20);

/** The system and the tools are read in any case, once some job has written them; the task is the job's own. */
const wrote = ({ cacheCreation }: { cacheCreation: number }) => cacheCreation > PROMPT.length / 4;

/** Tests of workers that start at once, and of repositories of which a job works on two at a time. */
export function testPrefixSharing({ atOnce, inARow }: { atOnce: number; inARow: number }): void {
  const names = Array.from({ length: inARow }, (_, i) => `r${String(i).padStart(3, '0')}`);
  let fleet: Fleet;
  /** The time until the model begins its first answer. */
  let readingMs = 0;
  /** The most first requests of a conversation that the model had before it began to answer any. */
  let waitingAtOnce = 0;

  beforeAll(async () => {
    let waiting = 0;
    let answered = 0;
    fleet = await Fleet.start({
      names,
      concurrency: atOnce,
      // No usage, so that the server bills by the rules of the cache.
      script: async ({ messages }): Promise<Reply> => {
        if (messages.length === 1) {
          waiting += 1;
          if (answered === 0) waitingAtOnce = Math.max(waitingAtOnce, waiting);
          await sleep(readingMs);
          answered += 1;
          return {
            content: [{ type: 'tool_use', name: 'write_file', input: { path: 'by.txt', content: 'me' } }],
          };
        }
        const input = { summary: 'Added it.', title: 'Add a file', body: 'x', wereChangesNecessary: true };
        return { content: [{ type: 'tool_use', name: 'task_complete', input }] };
      },
    });
  });
  afterAll(() => fleet?.close());

  /** Starts a job and gives what the first request of each repository wrote to and read from the cache. */
  async function firstTurns(names: readonly string[], maxConcurrency: number) {
    // A prompt of its own, so that no job before has written its prefix.
    const jobId = await fleet.post(names, { prompt: `${PROMPT} (${maxConcurrency})`, maxConcurrency });
    const job = await fleet.ended(jobId);
    expect(job).toMatchObject({ status: 'completed', counts: { completed: names.length } });
    const turns = await fleet.turns(jobId, names);
    return turns.map(([first]) => first!.tokenUsage);
  }

  test(`of ${atOnce} workers that start at once one writes the prefix, and the others read it`, async () => {
    // Workers that start together would all be there by then.
    readingMs = 3000;
    const usages = await firstTurns(names.slice(0, atOnce), atOnce);
    expect(waitingAtOnce).toBe(1);
    expect(usages.filter(wrote)).toHaveLength(1);
    const shared = usages.find(wrote)!.cacheCreation;
    for (const usage of usages.filter((usage) => !wrote(usage))) {
      // All but the block with the repository's own name.
      expect(usage.cacheRead).toBeGreaterThan(0.95 * shared);
      expect(usage.cacheCreation).toBeLessThan(50);
    }
  });

  test(`one after another, all but the first of ${inARow} repositories of a job read the prefix`, async () => {
    readingMs = 0;
    const usages = await firstTurns(names, 2);
    expect(usages.filter(wrote).length).toBeLessThanOrEqual(2);
    expect(usages.filter(({ cacheRead }) => cacheRead > 1000).length).toBeGreaterThanOrEqual(inARow - 1);
  });
}
