/**
 * One measurement in a separate process: `node bench/engine/process.ts CASE ITEMS FOLDER`. Prints a
 * Measurement as JSON. Seconds are from the loaded modules to the last result; memory is that of the
 * whole process.
 */
import { inParallel } from '../../core/in-parallel.ts';
import { keepYoungGenerationSmall } from '../../local/dynamodb/young-generation.ts';
import { mapOver, noOp } from './definition.ts';
import { libraryAlone } from './library.ts';
import { engineWithRows, writesAlone } from './rows.ts';
import { CONCURRENCY, runEngine } from './run-engine.ts';

export type Measurement = {
  seconds: number;
  /** The kernel's high-water mark. */
  peakMebibytes: number;
  /** Events in the parent's history; 0 if there is none. */
  historyEvents: number;
};

const CASES: Readonly<Record<string, (names: readonly string[], folder: string) => Promise<number>>> = {
  engine: (repositoryNames, folder) =>
    runEngine({
      folder,
      definition: mapOver(noOp),
      substitutions: { ArtifactsBucket: 'bench' },
      jobId: 'job-bench',
      repositoryNames,
    }),
  library: async (names) => {
    const run = libraryAlone();
    await inParallel(names, CONCURRENCY, run);
    return 0;
  },
  rows: engineWithRows,
  writes: writesAlone,
};

// As in a stack's process.
keepYoungGenerationSmall();

const [name, items, folder] = process.argv.slice(2) as [string, string, string];
const names = Array.from({ length: Number(items) }, (_, i) => `local/repository-${i}`);
const started = performance.now();
const historyEvents = await CASES[name]!(names, folder);
const measurement: Measurement = {
  seconds: (performance.now() - started) / 1000,
  // KiB on every platform.
  peakMebibytes: process.resourceUsage().maxRSS / 1024,
  historyEvents,
};
process.stdout.write(JSON.stringify(measurement));
