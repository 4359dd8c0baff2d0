import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { inParallel } from '../../core/in-parallel.ts';
import {
  type Figure,
  format,
  interleave,
  type Log,
  MEBIBYTES,
  median,
  type Row,
  row,
  SECONDS,
} from '../figure.ts';
import { Floor } from '../floor.ts';
import { plainEnvironment } from '../measured-process.ts';
import { type BenchModel, startModel } from '../model.ts';
import { makeSource, publish, type Source } from '../repositories.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import { makeGitShim, readGitRuns } from './git-shim.ts';
import { runJob, secondsOf } from './job.ts';
import { cpuTimes, peakMebibytes, watchPeaks } from './proc.ts';
import { type ServedStack, serveStack } from './served-stack.ts';
import { readShares, type Shares } from './shares.ts';

const WORKERS = 2;
/** 200 repositories in jobs of 40: five values, each next to a floor of the same minute. */
const ROUNDS = 5;
const REPOSITORIES_PER_JOB = 40;
/** Published packages of 20 to 50 files. */
const PACKAGES = ['ulid', 'minimatch', 'constructs', '@aws-sdk/util-dynamodb'];
/** For the shares, in a separate stack: recording every git slows a worker by a few percent. */
const TRACED_REPOSITORIES = 20;

const WORKER_PROGRAM = 'worker.mjs';

/** `perRepository` is in seconds of wall time, with two at once. */
type Block = { perRepository: number; cpu: number; stackCpu: number; workerPeaks: number[] };

/** The whole stack over many repositories. */
export function measureFleet(log: Log): Promise<Figure> {
  return withTemporaryFolder(async (folder) => {
    const dataFolder = path.join(folder, 'data');
    await mkdir(dataFolder);
    const sources: Source[] = [];
    for (const name of PACKAGES) sources.push(await makeSource(name, folder));
    const model = await startModel();
    try {
      const names = namesOf(ROUNDS * REPOSITORIES_PER_JOB);
      const measured = await measureBlocks(names, { sources, model, dataFolder, folder, log });
      log(`fleet: ${TRACED_REPOSITORIES} repositories with every git recorded`);
      const shares = await trace(names.slice(0, TRACED_REPOSITORIES), { model, dataFolder, folder });
      return figureOf(measured, shares, sources);
    } finally {
      await model.close();
    }
  });
}

type Given = { sources: readonly Source[]; model: BenchModel; dataFolder: string; folder: string };

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `local/fleet-${i + 1}`);
}

function environmentFor(model: BenchModel): Record<string, string> {
  return {
    ...plainEnvironment(),
    CLAUDE_API_KEY: 'bench',
    ANTHROPIC_BASE_URL: model.url,
    MAX_REPOSITORIES: String(REPOSITORIES_PER_JOB),
  };
}

async function measureBlocks(names: readonly string[], given: Given & { log: Log }) {
  const { sources, model, dataFolder, folder, log } = given;
  const stack = await serveStack(dataFolder, WORKERS, environmentFor(model));
  try {
    log(`fleet: publishing ${names.length} repositories`);
    const all = new Map(names.map((name, i) => [name, sources[i % sources.length]!]));
    await publish(stack.gitHub, all);
    await runJob(stack.api, names.slice(0, WORKERS * 2));
    const floor = await Floor.after(model, folder);
    await floor.run(`${stack.gitHub}/${names[0]}.git`);
    log(`fleet: ${ROUNDS} rounds of ${REPOSITORIES_PER_JOB} repositories`);
    const part = (round: number) =>
      names.slice((round - 1) * REPOSITORIES_PER_JOB, round * REPOSITORIES_PER_JOB);
    const [jobs, floors] = await interleave(ROUNDS, [
      (round) => jobBlock(stack, part(round)),
      (round) => floorBlock(stack, floor, part(round)),
    ]);
    return { jobs: jobs!, floors: floors!, stackPeak: peakMebibytes(stack.pid) };
  } finally {
    await stack.close();
  }
}

async function jobBlock(stack: ServedStack, names: string[]): Promise<Block> {
  const before = cpuTimes(stack.pid);
  const watch = watchPeaks(({ parent, command }) => parent === stack.pid && command.includes(WORKER_PROGRAM));
  const seconds = secondsOf(await runJob(stack.api, names));
  const workerPeaks = watch.stop();
  const after = cpuTimes(stack.pid);
  const own = after.own - before.own;
  return {
    perRepository: seconds / names.length,
    cpu: (own + after.children - before.children) / names.length,
    stackCpu: own / names.length,
    workerPeaks,
  };
}

/** The bare script on the same repositories, as many at once. The stack's GitHub serves the clones. */
async function floorBlock(stack: ServedStack, floor: Floor, names: string[]): Promise<Block> {
  const before = cpuTimes(stack.pid);
  const started = performance.now();
  let scripts = 0;
  await inParallel(names, WORKERS, async (name) => {
    const { cpu } = await floor.run(`${stack.gitHub}/${name}.git`);
    scripts += cpu;
  });
  const seconds = (performance.now() - started) / 1000;
  const after = cpuTimes(stack.pid);
  const own = after.own - before.own;
  return {
    perRepository: seconds / names.length,
    cpu: (scripts + own + after.children - before.children) / names.length,
    stackCpu: own / names.length,
    workerPeaks: [],
  };
}

async function trace(names: string[], given: Omit<Given, 'sources'>): Promise<Shares[]> {
  const { model, dataFolder, folder } = given;
  const shim = await makeGitShim(path.join(folder, 'shim'));
  const environment = environmentFor(model);
  environment.PATH = `${shim.folder}${path.delimiter}${environment.PATH}`;
  const stack = await serveStack(dataFolder, WORKERS, environment);
  try {
    // Limits the children that wait for a worker: their steps would slow each other.
    const job = await runJob(stack.api, names, WORKERS);
    return await readShares(job, stack, dataFolder, readGitRuns(shim.log));
  } finally {
    await stack.close();
  }
}

type Measured = Awaited<ReturnType<typeof measureBlocks>>;

function figureOf({ jobs, floors, stackPeak }: Measured, shares: Shares[], sources: Source[]): Figure {
  const total = ROUNDS * REPOSITORIES_PER_JOB;
  const files = sources.map((source) => source.files);
  const of = (blocks: Block[], name: 'perRepository' | 'cpu' | 'stackCpu') =>
    blocks.map((block) => block[name]);
  const rate = (blocks: Block[]) => of(blocks, 'perRepository').map((seconds) => 1 / seconds);
  return {
    title: `A fleet: ${total} repositories, ${WORKERS} workers`,
    method: [
      `\`cody-batch serve\` in a separate process, jobs through HTTP, real git repositories of ${Math.min(...files)} to ${Math.max(...files)} files (${PACKAGES.join(', ')}), the conversation of the worker's figure. ${ROUNDS} jobs of ${REPOSITORIES_PER_JOB} repositories, alternating with their floor: the bare script on the same repositories, ${WORKERS} at once. Medians of the ${ROUNDS}; a worker's memory is the median of all workers.`,
      `A job's time is from its createdAt to its completedAt. CPU is the stack's process with all its children (workers, their git, the git that serves clones), from /proc/PID/stat; for the floor it is that of the scripts, by bash's \`time\`, and of the stack, which serves their clones. Memory is the kernel's high-water mark, read every 20 ms, so the last 20 ms of a worker may be missing. The model runs in the measuring process and is not counted.`,
      `Shares are medians over ${shares.length} repositories of a separate job, in which a wrapper on PATH records when the worker's git runs. The whole is the wall time of a child execution without its wait in the Batch queue. Node start is from the Batch job's startedAt to the first line of log.txt; git is the time with at least one git of the worker; the model is the sum of the turns' seconds in thread.json. Recording is the rest: in the worker it is rows, checkpoints, artifacts, tools and removal of the clone, around it the steps, DynamoDB and Batch.`,
    ],
    rows: [
      row('repositories a second', { name: 'a second', digits: 2 }, rate(jobs), { floor: rate(floors) }),
      row('CPU a repository', SECONDS, of(jobs, 'cpu'), { floor: of(floors, 'cpu') }),
      row("of it the stack's own process", SECONDS, of(jobs, 'stackCpu')),
      row(
        'peak memory of a worker',
        MEBIBYTES,
        jobs.flatMap(({ workerPeaks }) => workerPeaks),
      ),
      row("peak memory of the stack's process", MEBIBYTES, [stackPeak]),
      row(
        'wall of one repository, traced',
        SECONDS,
        shares.map((share) => share.total),
      ),
      ...SHARES.map(([quantity, name]) => shareRow(quantity, name, shares)),
    ],
  };
}

const SHARES = [
  ['… Node start', 'nodeStart'],
  ['… git', 'git'],
  ['… model', 'model'],
  ['… recording, in the worker', 'worker'],
  ['… recording, around it', 'steps'],
] as const;

function shareRow(quantity: string, name: keyof Shares, shares: readonly Shares[]): Row {
  const percent = median(shares.map((share) => (100 * share[name]) / share.total));
  const seconds = median(shares.map((share) => share[name]));
  return { quantity, value: `${percent.toFixed(0)} %, ${format(seconds, SECONDS)}` };
}
