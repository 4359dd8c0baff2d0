import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Figure, interleave, type Log, MEBIBYTES, row, SECONDS } from '../figure.ts';
import { measureProcess, plainEnvironment } from '../measured-process.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import type { Measurement } from './process.ts';
import { CONCURRENCY } from './run-engine.ts';

const ROUNDS = 5;
const ITEMS = 10_000;
const FEW_ITEMS = 10;
/** Rows in the floor. Its time is linear, and the full number would take minutes for the same result. */
const FLOOR_ROWS = 2_000;

/** The goals, in seconds and MiB. */
const ALONE = { seconds: 5, memory: 300 };
const WITH_ROWS = { seconds: 25, memory: 600 };

const PROCESS = fileURLToPath(new URL('process.ts', import.meta.url));

/** Step Functions' engine alone, and with the rows that the lifecycle writes. */
export function measureEngine(log: Log): Promise<Figure> {
  return withTemporaryFolder(async (parent) => {
    let runs = 0;
    const measure = async (name: string, items: number): Promise<Measurement> => {
      const folder = path.join(parent, String(++runs));
      await mkdir(folder);
      const command = [process.execPath, PROCESS, name, String(items), folder];
      const { output } = await measureProcess(command, plainEnvironment());
      await rm(folder, { recursive: true });
      return JSON.parse(output) as Measurement;
    };
    log(`engine: ${ROUNDS} rounds of ${ITEMS} items in four cases`);
    const few = await measure('engine', FEW_ITEMS);
    await measure('rows', FEW_ITEMS);
    const [engine, library] = await interleave(ROUNDS, [
      () => measure('engine', ITEMS),
      () => measure('library', ITEMS),
    ]);
    const [rows, writes] = await interleave(ROUNDS, [
      () => measure('rows', ITEMS),
      () => measure('writes', FLOOR_ROWS),
    ]);
    const seconds = (results: Measurement[]) => results.map((result) => result.seconds);
    const memory = (results: Measurement[]) => results.map(({ peakMebibytes }) => peakMebibytes);
    const many = engine![0]!.historyEvents;
    return {
      title: `The engine with ${ITEMS.toLocaleString('en')} items`,
      method: [
        `The lifecycle's Map, ${CONCURRENCY} children at once, through the Step Functions protocol. "No-op" children have one task that does nothing; the floor is the library beneath (aws-local-stepfunctions) with the same number of these tasks. "With rows" creates the rows and runs StartRepository, AdmitRepository, a task that does nothing and the update that ends the row; the floor makes the same writes, byte for byte, directly through the SDK, for ${FLOOR_ROWS.toLocaleString('en')} rows, with its time scaled up.`,
        `Medians of ${ROUNDS} interleaved runs, each in a fresh process with dynalite on disk in it, after one unmeasured run of ${FEW_ITEMS} items that warms the file cache. Time starts when the modules are loaded. Memory is the kernel's high-water mark of the process.`,
      ],
      rows: [
        row('no-op, time', SECONDS, seconds(engine!), { floor: seconds(library!), max: ALONE.seconds }),
        row('no-op, peak memory', MEBIBYTES, memory(engine!), {
          floor: memory(library!),
          max: ALONE.memory,
        }),
        row('with rows, time', SECONDS, seconds(rows!), {
          floor: seconds(writes!).map((value) => (value * ITEMS) / FLOOR_ROWS),
          max: WITH_ROWS.seconds,
        }),
        row('with rows, peak memory', MEBIBYTES, memory(rows!), {
          max: WITH_ROWS.memory,
        }),
        {
          quantity: "parent's history",
          value: `${many} events`,
          floor: `${few.historyEvents} events with ${FEW_ITEMS} items`,
          ratio: (many / few.historyEvents).toFixed(2),
          goal: 'as long as with few',
          met: many === few.historyEvents,
        },
      ],
    };
  });
}
