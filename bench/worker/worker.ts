import { type Figure, interleave, type Log, row, SECONDS } from '../figure.ts';
import { Floor } from '../floor.ts';
import { startModel } from '../model.ts';
import { makeSource, publish } from '../repositories.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import { startWorkerBench } from './worker-bench.ts';

const ROUNDS = 15;
const PACKAGE = 'zod';
const REPOSITORY = 'local/worker';
/** The goal: a worker costs at most 30 % more than a bare script. */
const MAX_RATIO = 1.3;

/** One worker against a bare script, one at a time. */
export function measureWorker(log: Log): Promise<Figure> {
  return withTemporaryFolder(async (folder) => {
    const model = await startModel();
    const bench = await startWorkerBench(folder, model.url);
    try {
      const source = await makeSource(PACKAGE, folder);
      await publish(bench.gitHubUrl, new Map([[REPOSITORY, source]]));
      log(`worker: ${ROUNDS} rounds over ${source.files} files`);
      // Two runs before measuring: the first one writes the compile cache.
      for (let i = 0; i < 2; i++) await bench.work(REPOSITORY);
      const floor = await Floor.after(model, folder);
      const cloneUrl = `${bench.gitHubUrl}/${REPOSITORY}.git`;
      await floor.run(cloneUrl);
      const [worker, bare] = await interleave(ROUNDS, [
        () => bench.work(REPOSITORY),
        () => floor.run(cloneUrl),
      ]);
      const against = (quantity: string, of: 'wall' | 'cpu') =>
        row(
          quantity,
          SECONDS,
          worker!.map((run) => run[of]),
          { floor: bare!.map((run) => run[of]), maxRatio: MAX_RATIO },
        );
      return {
        title: 'One worker',
        method: [
          `A whole worker, bundled, with the compile cache of the local stack: job and rows in DynamoDB, a clone of ${source.files} files (${PACKAGE}), the conversation read_file → edit_file → task_complete, diff, checkpoints, artifacts, removal of the clone. The floor is a script in a fresh process, unbundled: \`git clone --depth 1\`, the same ${model.conversation.length} requests byte for byte through the SDK, the same edit, \`git diff\`.`,
          `Medians of ${ROUNDS} interleaved runs each, after two unmeasured runs of the worker and one of the floor. Wall and CPU are bash's \`time\`: CPU is user and system time of the process and of every process it waited for. The servers run in the measuring process and are not counted.`,
        ],
        rows: [against('wall', 'wall'), against('CPU', 'cpu')],
      };
    } finally {
      await bench.close();
      await model.close();
    }
  });
}
