import { WORKER_ARGUMENTS } from '../../core/execution.ts';
import { OutcomeDocument } from '../../core/outcome.ts';
import { NO_TOKENS } from '../../core/usage.ts';

const AT = '2026-01-02T03:04:05.000Z';

/** What a worker says that found nothing to change. Its names are for printf(1). */
const UNCHANGED: OutcomeDocument = OutcomeDocument.parse({
  ...{ jobId: '%s', repositoryName: '%s', run: 0, outcome: 'unchanged', end: 'submitted' },
  ...{ summary: 'There is nothing to change.', model: 'claude-sonnet-5-5', changes: [], artifacts: {} },
  ...{ tokenUsage: { ...NO_TOKENS, input: 10, total: 10 }, costUsd: 0.00002, turns: 1, verification: [] },
  ...{ attempt: 1, startedAt: AT, completedAt: AT, logs: [] },
});

/**
 * The command of a worker that is a shell: it says at once that nothing was to change, where a real one takes half a second
 * of CPU and a clone. `before` is a script that runs first, with `$1` the job, `$2` the repository and `$3` the run.
 */
export function quickWorker(before = ''): string[] {
  const script = `
${before}
folder="\${ARTIFACTS_URL#file://}/jobs/$1/repositories/$2/$3"
mkdir -p "$folder"
printf '${JSON.stringify(UNCHANGED).replace('"run":0', '"run":%s')}' "$1" "$2" "$3" > "$folder/said"
mv "$folder/said" "$folder/outcome.json"
`;
  return ['/bin/sh', '-c', script, 'worker', ...WORKER_ARGUMENTS];
}
