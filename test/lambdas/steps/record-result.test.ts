import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Job } from '../../../core/job.ts';
import { Outcome } from '../../../core/outcome.ts';
import { NO_TOKENS } from '../../../core/usage.ts';
import { type ServedStack, startStackProcess } from '../../stack.ts';

/** What a worker says whose model refuses every call. */
const THROTTLED: Outcome = Outcome.parse({
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

/** What it says where the service was failing, which is no rate limit. */
const UNAVAILABLE: Outcome = {
  ...THROTTLED,
  error: { name: 'ModelUnavailableError', message: 'No whole answer came (HTTP 500).' },
};

const WORKER = `
folder="\${ARTIFACTS_URL#file://}/jobs/$1/repositories/$2"
mkdir -p "$folder"
case "$2" in
  */down) printf '${JSON.stringify(UNAVAILABLE)}' "$1" "$2" ;;
  *) printf '${JSON.stringify(THROTTLED)}' "$1" "$2" ;;
esac > "$folder/outcome.json"
`;

let stack: ServedStack;

beforeAll(async () => {
  stack = await startStackProcess({
    given: {},
    gitHub: 'local',
    model: 'offline',
    maxRunning: 1,
    shared: false,
    workerCommand: ['/bin/sh', '-c', WORKER, 'worker', 'Ref::jobId', 'Ref::repositoryName'],
  });
});
afterAll(() => stack?.close());

test('a model that never stops refusing or failing ends a repository in the end, with its cost and what to do', async () => {
  const created = await fetch(`${stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Do it.', repositories: ['local/refused', 'local/down'] }),
  });
  let job = (await created.json()) as Job;
  const { jobId } = job;
  while (['pending', 'processing'].includes(job.status)) {
    await sleep(50);
    job = (await (await fetch(`${stack.api}/jobs/${jobId}`)).json()) as Job;
  }
  expect(job).toMatchObject({ status: 'failed', counts: { total: 2, failed: 2 }, costUsd: 0.00004 });
  const result = async (name: string) =>
    (await fetch(`${stack.api}/jobs/${jobId}/repositories/local/${name}`)).json();
  expect(await result('refused')).toMatchObject({
    status: 'failed',
    outcome: 'gaveUp',
    end: 'throttled',
    summary: expect.stringMatching(/retry the job later/),
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
