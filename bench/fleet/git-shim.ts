import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

export type GitRun = { from: number; to: number };

/**
 * A `git` to put first on PATH. It runs the real one, and records the times of git processes whose TMPDIR
 * is a temporary folder of a worker. bash has the time built in, so only the start of bash is added.
 */
export async function makeGitShim(folder: string): Promise<{ folder: string; log: string }> {
  const git = execFileSync('bash', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const log = path.join(folder, 'git.log');
  await mkdir(folder, { recursive: true });
  const script = `#!/bin/bash
from=$EPOCHREALTIME
'${git}' "$@"
status=$?
case $TMPDIR in */cody-batch-job-*) echo "$PPID $from $EPOCHREALTIME $*" >> '${log}' ;; esac
exit $status
`;
  await writeFile(path.join(folder, 'git'), script);
  await chmod(path.join(folder, 'git'), 0o755);
  return { folder, log };
}

/** By repository, in milliseconds since the epoch. A clone has its repository's name and its worker's pid. */
export function readGitRuns(log: string): Map<string, GitRun[]> {
  const byWorker = new Map<string, GitRun[]>();
  const repositories = new Map<string, string>();
  for (const line of readFileSync(log, 'utf8').trimEnd().split('\n')) {
    const [worker, from, to] = line.split(' ', 3) as [string, string, string];
    const runs = byWorker.get(worker) ?? [];
    byWorker.set(worker, [...runs, { from: Number(from) * 1000, to: Number(to) * 1000 }]);
    const cloned = /\/(local\/[\w-]+)\.git /.exec(line)?.[1];
    if (cloned) repositories.set(worker, cloned);
  }
  return new Map([...repositories].map(([worker, name]) => [name, byWorker.get(worker)!]));
}

/** Milliseconds in which at least one ran; some run at the same time. */
export function millisecondsCovered(runs: readonly GitRun[]): number {
  let covered = 0;
  let end = 0;
  for (const { from, to } of [...runs].sort((a, b) => a.from - b.from)) {
    covered += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return covered;
}
