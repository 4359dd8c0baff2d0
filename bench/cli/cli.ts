import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Figure, interleave, type Log, row, SECONDS } from '../figure.ts';
import { serveStack } from '../fleet/served-stack.ts';
import { plainEnvironment } from '../measured-process.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = path.join(ROOT, 'bin/cody-batch.js');
const ROUNDS = 15;

/** How long the packed command takes to start, beside a Node.js that does nothing. */
export async function measureCommandLine(log: Log): Promise<Figure> {
  return withTemporaryFolder((folder) => measureIn(folder, log));
}

async function measureIn(folder: string, log: Log): Promise<Figure> {
  log('Packing and installing the command line …');
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: ROOT, stdio: 'pipe' });
  const prefix = path.join(folder, 'prefix');
  const tarball = path.join(folder, 'cody-batch-0.1.0.tgz');
  execFileSync('npm', ['install', '--global', '--prefix', prefix, '--prefer-offline', tarball], {
    stdio: 'pipe',
  });
  const command = path.join(prefix, 'lib/node_modules/cody-batch/bin/cody-batch.js');
  const data = path.join(folder, 'data');
  mkdirSync(data);
  const stack = await serveStack(data, 1, plainEnvironment());
  try {
    const [floor, help, run, jobs, source] = await interleave(ROUNDS, [
      async () => secondsOf(['-e', '0'], folder),
      async () => secondsOf([command, '--help'], folder),
      async () => secondsOf([command, 'run', '--help'], folder),
      async () => secondsOf([command, 'jobs', '--data', data], folder),
      async () => secondsOf([SOURCE, 'jobs', '--data', data], folder),
    ]);
    return {
      title: 'Command line',
      method: [
        `The command of the packed tarball, started ${ROUNDS} times in turn with \`node -e 0\`, which is the floor. \`jobs\` asks a stack of \`serve\` that is up.`,
      ],
      rows: [
        row('cody-batch --help', SECONDS, help!, { floor, max: 0.15 }),
        row('cody-batch run --help', SECONDS, run!, { floor, max: 0.3 }),
        row('cody-batch jobs', SECONDS, jobs!, { floor, max: 0.3 }),
        row('cody-batch jobs, from source', SECONDS, source!, { floor }),
      ],
    };
  } finally {
    await stack.close();
  }
}

function secondsOf(args: readonly string[], cwd: string): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd,
    env: plainEnvironment(),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`node ${args.join(' ')} exited with ${status}: ${stderr}`);
  return (performance.now() - started) / 1000;
}
