import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { inParallel } from '../../core/in-parallel.ts';
import { parseSettings } from '../../core/settings.ts';
import { type Figure, interleave, type Log, MEBIBYTES, median, type Row, row, SECONDS } from '../figure.ts';
import { runJob, secondsOf } from '../fleet/job.ts';
import { cpuTimes, watchPeaks } from '../fleet/proc.ts';
import { type ServedStack, serveStack } from '../fleet/served-stack.ts';
import { plainEnvironment } from '../measured-process.ts';
import { makeSource, publish, type Source } from '../repositories.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import { ClaudeCode, installClaudeCode } from './claude.ts';
import { type Meter, type MeteredModel, startMeteredModel } from './metered-model.ts';

const WORKERS = 2;
const REPOSITORIES = 20;
const ROUNDS = 5;
/** Published packages of 20 to 50 files. */
const PACKAGES = ['ulid', 'minimatch', 'constructs', '@aws-sdk/util-dynamodb'];

/** The goals: at most half of the default's memory and of its billed input. */
const MAX_MEMORY_RATIO = 0.5;
const MAX_BILLED_RATIO = 0.5;

/** One round of all repositories. Seconds and counts are per repository, peaks per process. */
type Round = { wall: number; cpu: number; peaks: number[]; meter: Meter };

/** The product against Claude Code in a loop, on the same repositories and the same conversation. */
export function measureAgainstClaudeCode(log: Log): Promise<Figure> {
  return withTemporaryFolder(async (folder) => {
    log('claude-code: installing Claude Code in a temporary folder');
    const program = await installClaudeCode(path.join(folder, 'claude-code'));
    const dataFolder = path.join(folder, 'data');
    await mkdir(dataFolder);
    const model = await startMeteredModel();
    const stack = await serveStack(dataFolder, WORKERS, {
      ...plainEnvironment(),
      CLAUDE_API_KEY: 'bench',
      ANTHROPIC_BASE_URL: model.url,
      MAX_REPOSITORIES: String(REPOSITORIES),
    });
    try {
      const sources: Source[] = [];
      for (const name of PACKAGES) sources.push(await makeSource(name, folder));
      const names = Array.from({ length: REPOSITORIES }, (_, i) => `local/fleet-${i + 1}`);
      await publish(stack.gitHub, new Map(names.map((name, i) => [name, sources[i % sources.length]!])));

      const claude = (name: string, options?: string[]) =>
        new ClaudeCode(program, { folder: path.join(folder, name), modelUrl: model.url, options });
      const arms = [claude('default'), claude('bare', ['--bare'])];
      const given = { stack, model, program };
      // One run each before measuring: a first run fills caches.
      await runJob(stack.api, names.slice(0, WORKERS));
      for (const arm of arms) await claudeRound(arm, names.slice(0, 1), given);

      log(`claude-code: ${ROUNDS} rounds of ${REPOSITORIES} repositories, three ways`);
      const [ours, whole, bare] = await interleave(ROUNDS, [
        () => productRound(names, given),
        ...arms.map((arm) => () => claudeRound(arm, names, given)),
      ]);
      return figureOf({ ours: ours!, whole: whole!, bare: bare! }, sources);
    } finally {
      await stack.close();
      await model.close();
    }
  });
}

type Given = { stack: ServedStack; model: MeteredModel; program: string };

/** A job through HTTP. CPU is that of the whole stack, with workers and the git that serves clones. */
async function productRound(names: string[], { stack, model }: Given): Promise<Round> {
  const meter = model.startRound();
  const before = cpuTimes(stack.pid);
  const watch = watchPeaks(({ parent, command }) => parent === stack.pid && command.includes('worker.mjs'));
  const seconds = secondsOf(await runJob(stack.api, names));
  const peaks = watch.stop();
  const after = cpuTimes(stack.pid);
  const cpu = after.own - before.own + after.children - before.children;
  return { wall: seconds / names.length, cpu: cpu / names.length, peaks, meter };
}

/** As many at once as the product has workers. As for the product, CPU includes serving their clones. */
async function claudeRound(
  claude: ClaudeCode,
  names: readonly string[],
  { stack, model, program }: Given,
): Promise<Round> {
  const meter = model.startRound();
  const before = cpuTimes(stack.pid);
  const watch = watchPeaks(({ command }) => command.startsWith(program));
  const started = performance.now();
  let scripts = 0;
  await inParallel(names, WORKERS, async (name) => {
    const { cpu } = await claude.run(`${stack.gitHub}/${name}.git`, parseSettings({}).CLAUDE_MODEL);
    scripts += cpu;
  });
  const seconds = (performance.now() - started) / 1000;
  const peaks = watch.stop();
  const after = cpuTimes(stack.pid);
  const cpu = scripts + after.own - before.own + after.children - before.children;
  return { wall: seconds / names.length, cpu: cpu / names.length, peaks, meter };
}

function figureOf(rounds: Record<'ours' | 'whole' | 'bare', Round[]>, sources: Source[]): Figure {
  const files = sources.map((source) => source.files);
  const { ours } = rounds;
  const others = { 'Claude Code': rounds.whole, '--bare': rounds.bare } as const;
  const against = (
    quantity: string,
    unit: { name: string; digits: number },
    of: (round: Round) => number,
    max: Partial<Record<keyof typeof others, number>>,
  ): Row[] =>
    Object.entries(others).map(([name, theirs]) =>
      row(`${quantity}, against ${name}`, unit, ours.map(of), {
        floor: theirs.map(of),
        maxRatio: max[name as keyof typeof others],
      }),
    );
  const ahead = { 'Claude Code': 1, '--bare': 1 };
  const each = (total: number) => total / REPOSITORIES;
  return {
    title: 'Against Claude Code in a loop',
    method: [
      `${REPOSITORIES} repositories of ${Math.min(...files)} to ${Math.max(...files)} files (${PACKAGES.join(', ')}), ${WORKERS} at once, with the conversation read, edit, done, in ${ROUNDS} rounds that alternate with the others. The product is \`cody-batch serve\` with a job through HTTP: wall time is the job's, CPU that of the whole stack, with database, state machine and records. The others are \`git clone --depth 1\`, \`claude -p\` (2.1.330, with its defaults and with \`--bare\`) and \`git diff\` in a shell. All CPU includes the git that serves the clones. The floor column has theirs.`,
      `Memory is the high-water mark of one worker or one \`claude\`, as the median of all. The model answers at once and bills by the rules of the prompt cache, which is empty at the start of a round, at four bytes per token. Billed input is plain tokens, cache writes at 1.25 and cache reads at the read rate.`,
    ],
    rows: [
      ...against('wall of a repository', SECONDS, ({ wall }) => wall, ahead),
      ...against('CPU of a repository', SECONDS, ({ cpu }) => cpu, ahead),
      ...against('peak memory', MEBIBYTES, ({ peaks }) => median(peaks), {
        ...ahead,
        'Claude Code': MAX_MEMORY_RATIO,
      }),
      ...against('requests a repository', { name: '', digits: 0 }, ({ meter }) => each(meter.requests), {}),
      ...against(
        'bytes sent a repository',
        { name: 'kB', digits: 1 },
        ({ meter }) => each(meter.bytes) / 1000,
        {},
      ),
      ...against(
        'billed input a repository',
        { name: 'tokens', digits: 0 },
        ({ meter }) => each(meter.billedInput),
        {
          'Claude Code': MAX_BILLED_RATIO,
        },
      ),
    ],
  };
}
