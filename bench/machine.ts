import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

/** Enough to compare figures, without identifying the machine. */
export function describeMachine(): string {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const model = cpus()[0]?.model.trim() || 'unnamed processor';
  const git = execFileSync('git', ['--version'], { encoding: 'utf8' }).trim();
  return `${availableParallelism()} cores (${model}), ${memory} GiB, ${type()} ${release().split('-')[0]}, Node.js ${process.version}, ${git}`;
}
