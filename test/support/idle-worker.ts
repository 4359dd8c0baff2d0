import { WORKER_ARGUMENTS } from '../../core/execution.ts';
import { OutcomeDocument } from '../../core/outcome.ts';
import { NO_TOKENS } from '../../core/usage.ts';

/** The outcome of a worker that does nothing, without its identity. */
const NOTHING_DONE: OutcomeDocument = OutcomeDocument.parse({
  jobId: '%JOB%',
  repositoryName: '%NAME%',
  run: 1,
  outcome: 'unchanged',
  end: 'submitted',
  wereChangesNecessary: false,
  summary: 'Nothing to do.',
  model: 'none',
  changes: [],
  artifacts: {},
  tokenUsage: { ...NO_TOKENS, input: 10, total: 10 },
  costUsd: 0.001,
  turns: 1,
  verification: [],
  attempt: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  completedAt: '2026-01-01T00:00:01.000Z',
  logs: [],
});

/**
 * The command of a worker that only writes its outcome, with one process and one `mkdir`, for tests of what is around
 * workers. `first` is a line of shell that comes before; `$2` is the repository.
 */
export function idleWorker(first = ''): string[] {
  const outcome = JSON.stringify(NOTHING_DONE).replaceAll('%JOB%', '%s').replaceAll('%NAME%', '%s');
  const script = `
${first}
folder="\${ARTIFACTS_URL#file://}/jobs/$1/repositories/$2/$3"
mkdir -p "$folder"
printf '${outcome}' "$1" "$2" > "$folder/outcome.json"
`;
  return ['/bin/sh', '-c', script, 'worker', ...WORKER_ARGUMENTS];
}
