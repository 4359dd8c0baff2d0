import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Figure, type Log, median, type Row, row, SECONDS } from '../figure.ts';
import { measureProcess, plainEnvironment } from '../measured-process.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import type { Measurement } from './process.ts';

const PROCESS = fileURLToPath(new URL('process.ts', import.meta.url));
const ROUNDS = 3;
const CHANGES = 4_000;
/** The goal for the publish of all of them, in seconds. */
const MAX_RESOLVE = 5;

/** One decision about a shape of thousands of changes, and the step that lists what a publish run takes. */
export function measureReview(log: Log): Promise<Figure> {
  return withTemporaryFolder(async (parent) => {
    log(`review: ${ROUNDS} rounds of ${CHANGES} changes`);
    const rounds: Measurement[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const folder = path.join(parent, String(round));
      await mkdir(folder);
      const command = [process.execPath, PROCESS, String(CHANGES), folder];
      rounds.push(JSON.parse((await measureProcess(command, plainEnvironment())).output) as Measurement);
    }
    const { resolved } = rounds[0]!;
    if (resolved !== CHANGES) throw new Error(`Of ${CHANGES} approved changes, ${resolved} were resolved.`);
    const seconds = (part: 'decide' | 'resolve' | 'readAll') =>
      rounds.map((measurement) => measurement[part].milliseconds / 1000);
    return {
      title: `A review of ${CHANGES.toLocaleString('en')} changes`,
      method: [
        `One POST approves ${CHANGES.toLocaleString('en')} changes of one shape, with rows of about 6 KB; then the step that lists what a publish run of approved changes takes. The API and the step over dynalite in one process, fresh for each of ${ROUNDS} rounds. The floor of the step reads the same rows, as its reads do. The start of the execution is not counted.`,
        'Units are what DynamoDB would charge, by ConsumedCapacity.',
      ],
      rows: [
        row('the decision', SECONDS, seconds('decide')),
        units('… units', rounds, 'decide'),
        row('the step of the publish', SECONDS, seconds('resolve'), {
          floor: seconds('readAll'),
          max: MAX_RESOLVE,
        }),
        units('… units', rounds, 'resolve'),
      ],
    };
  });
}

function units(quantity: string, rounds: readonly Measurement[], part: 'decide' | 'resolve'): Row {
  const of = (name: 'readUnits' | 'writeUnits') => median(rounds.map((round) => round[part][name]));
  return {
    quantity,
    value: `${of('readUnits').toLocaleString('en')} read, ${of('writeUnits').toLocaleString('en')} write`,
  };
}
