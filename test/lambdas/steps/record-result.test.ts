import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WORKER_ARGUMENTS } from '../../../core/execution.ts';
import type { JobRow } from '../../../core/job.ts';
import { OutcomeDocument } from '../../../core/outcome.ts';
import type { RepositoryResult } from '../../../core/repository-result.ts';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { NO_TOKENS } from '../../../core/usage.ts';
import { endOfJob } from '../../support/end-of-job.ts';
import { type ServedStack, startStackProcess } from '../../support/stack.ts';
import { until } from '../../support/until.ts';

/** What a worker says whose model refuses every call. */
const THROTTLED: OutcomeDocument = OutcomeDocument.parse({
  jobId: '%s',
  repositoryName: '%s',
  run: 1,
  outcome: 'throttled',
  end: 'throttled',
  resumeAt: '2026-01-01T00:00:00.000Z',
  summary: 'The model stayed rate-limited; work goes on at 2026-01-01T00:00:00.000Z.',
  model: 'claude-sonnet-5-5',
  changes: [],
  artifacts: {},
  tokenUsage: { ...NO_TOKENS, input: 10, total: 10 },
  costUsd: 0.00002,
  turns: 1,
  verification: [],
  attempt: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  completedAt: '2026-01-01T00:00:00.000Z',
  logs: [],
});

/** What it says where the service was failing, which is not a rate limit. */
const UNAVAILABLE: OutcomeDocument = {
  ...THROTTLED,
  error: { name: 'ModelUnavailableError', message: 'No whole answer came (HTTP 500).' },
};

const VICTIM = 'jobs/%s/repositories/local/victim/1/diff.patch';

/** What a worker that was taken over says: that its diff is another's. */
const POSING: OutcomeDocument = {
  ...THROTTLED,
  ...{ outcome: 'unchanged', artifacts: { diff: VICTIM, log: VICTIM } },
};

const WORKER = `
folder="\${ARTIFACTS_URL#file://}/jobs/$1/repositories/$2/$3"
mkdir -p "$folder"
# The first outcome counts that many attempts, so that the last few of them show the limit.
first() {
  if [ -e "$folder/again" ]; then cat; else touch "$folder/again"; sed 's/"attempt":1,/"attempt":'"$1"',/'; fi
}
case "$2" in
  */victim) echo 'private code' > "$folder/diff.patch"; exit 1 ;;
  */posing) printf '${JSON.stringify(POSING)}' "$1" "$2" "$1" "$1" ;;
  */endless) printf '${JSON.stringify({ ...THROTTLED, resumeAt: 'soon', attempt: 100 })}' "$1" "$2" ;;
  */swollen) printf '${JSON.stringify({ ...THROTTLED, outcome: 'unchanged', summary: '%999999s' })}' "$1" "$2" x ;;
  */huge) truncate --size 20M "$folder/said" ;;
  */astronomic) printf '${JSON.stringify({ ...THROTTLED, outcome: 'unchanged', costUsd: 1e308 })}' "$1" "$2" ;;
  */refund) printf '${JSON.stringify({ ...THROTTLED, outcome: 'unchanged', costUsd: -1000 })}' "$1" "$2" ;;
  */eternal) printf '${JSON.stringify({ ...THROTTLED, outcome: 'unchanged', verification: [{ command: 'x', exitCode: 0, seconds: 1e300, output: '' }] })}' "$1" "$2" ;;
  */countless) printf '${JSON.stringify({ ...THROTTLED, outcome: 'unchanged', tokenUsage: { ...NO_TOKENS, total: Number.MAX_SAFE_INTEGER } })}' "$1" "$2" ;;
  */paused)
    echo 'what the worker did' > "$folder/log.txt"
    printf '${JSON.stringify({ ...THROTTLED, resumeAt: '2126-01-01T00:00:00.000Z' })}' "$1" "$2" ;;
  */down) printf '${JSON.stringify(UNAVAILABLE)}' "$1" "$2" | first 28 ;;
  *) printf '${JSON.stringify(THROTTLED)}' "$1" "$2" | first 98 ;;
esac > "$folder/said"
mv "$folder/said" "$folder/outcome.json"
`;

let stack: ServedStack;

beforeAll(async () => {
  stack = await startStackProcess({
    given: {},
    gitHub: 'local',
    model: 'offline',
    maxRunning: 1,
    shared: false,
    workerCommand: ['/bin/sh', '-c', WORKER, 'worker', ...WORKER_ARGUMENTS],
  });
});
afterAll(() => stack?.close());

async function runJob(repositories: string[]): Promise<JobRow> {
  return endOfJob(stack.api, await startJob(repositories));
}

async function startJob(repositories: string[]): Promise<string> {
  const created = await fetch(`${stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Do it.', repositories }),
  });
  const { jobId } = (await created.json()) as JobRow;
  return jobId;
}

const of = ({ jobId }: Pick<JobRow, 'jobId'>, name: string) =>
  fetch(`${stack.api}/jobs/${jobId}/repositories/local/${name}`);

test('a model that is throttled or failing without end eventually ends the repository, with its cost and advice', async () => {
  const job = await runJob(['local/refused', 'local/down']);
  expect(job).toMatchObject({ status: 'failed', counts: { total: 2, failed: 2 }, costUsd: 0.00004 });
  const result = async (name: string) => (await of(job, name)).json();
  expect(await result('refused')).toMatchObject({
    status: 'failed',
    outcome: 'gaveUp',
    end: 'throttled',
    summary: expect.stringMatching(/Retry the job later/),
    ...{ turns: 1, attempts: 101 },
  });
  // What breaks off is paid, and a service that fails is more often gone than busy.
  const down = await result('down');
  expect(down).toMatchObject({
    ...{ status: 'failed', outcome: 'failed', error: UNAVAILABLE.error },
    ...{ turns: 1, attempts: 31 },
  });
  expect(down).not.toHaveProperty('summary');
});

test('the log of a repository that waits for the model can be read', async () => {
  const jobId = await startJob(['local/paused']);
  await until('the wait for the model', async () => {
    const { waiting } = (await (await of({ jobId }, 'paused')).json()) as RepositoryResult;
    return waiting !== undefined;
  });
  expect(await (await of({ jobId }, 'paused/log')).text()).toBe('what the worker did\n');
  const thread = await of({ jobId }, 'paused/claude-thread');
  expect(thread.status).toBe(404);
  expect(await thread.text()).toContain('its status is processing, and its worker has not stored one');
  await fetch(`${stack.api}/jobs/${jobId}/cancel`, { method: 'POST' });
  await endOfJob(stack.api, jobId);
});

test('an outcome that names artifacts of another repository reveals none of its code', async () => {
  const job = await runJob(['local/victim', 'local/posing']);
  const posing = (await (await of(job, 'posing')).json()) as RepositoryResult;
  expect(posing).toMatchObject({
    ...{ jobId: job.jobId, repositoryName: 'local/posing', status: 'completed' },
    artifacts: { diff: runArtifactKeys({ jobId: job.jobId, repositoryName: 'local/posing', run: 1 }).diff },
  });
  expect(JSON.stringify(posing)).not.toContain('local/victim');
  expect(await (await of(job, 'posing/diff')).text()).toBe('');
  expect(await (await of(job, 'posing/log')).text()).not.toContain('private code');
});

test('an outcome that is too large for a row, or that has an invalid resumption time, fails its own repository only', async () => {
  const job = await runJob(['local/swollen', 'local/huge', 'local/endless']);
  expect(job).toMatchObject({ status: 'failed', counts: { total: 3, failed: 3 } });
  const error = async (name: string) => ((await (await of(job, name)).json()) as RepositoryResult).error;
  expect((await error('swollen'))?.message).toContain('expected at most');
  expect((await error('huge'))?.message).toContain('more than 16777216 bytes');
  expect(await (await of(job, 'endless')).json()).toMatchObject({ outcome: 'gaveUp', attempts: 200 });
});

test('an outcome with impossible numbers fails its own repository, and does not change the job’s totals', async () => {
  const names = ['astronomic', 'refund', 'eternal', 'countless'];
  const job = await runJob(names.map((name) => `local/${name}`));
  expect(job).toMatchObject({ status: 'failed', counts: { total: 4, failed: 4 }, tokenUsage: { total: 0 } });
  expect(job.costUsd ?? 0).toBe(0);
  for (const name of names) {
    const { error } = (await (await of(job, name)).json()) as RepositoryResult;
    expect(error?.message).toMatch(/costUsd|seconds|tokenUsage/);
  }
});
