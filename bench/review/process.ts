/**
 * One measurement in a separate process: `node bench/review/process.ts CHANGES FOLDER`. Fills a store with so many changes of
 * one shape, approves the shape through the API, resolves what a publish run takes, and prints a Measurement as JSON.
 */
import { createHash } from 'node:crypto';
import { countsOf, type JobRow, newJobId } from '../../core/job.ts';
import { digestOfChanges } from '../../core/review.ts';
import { defaultJobSettings } from '../../core/settings.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { writeArtifact } from '../../core/store/artifacts.ts';
import { statusKey } from '../../core/store/row-end.ts';
import { writeRunRequest } from '../../core/store/run-requests.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import { context } from '../../lambdas/context.ts';
import { PUBLISHABLE_ATTRIBUTES } from '../../lambdas/run/publishable.ts';
import { resolvePullRequests } from '../../lambdas/steps/resolve-pull-requests.ts';
import { startApi } from '../../local/api.ts';
import { functionContext } from '../../local/function-context.ts';
import { type Consumed, meterDynamoDB } from '../metered-dynamodb.ts';
import { openStore } from '../open-store.ts';
import { putAll } from '../put-all.ts';

type Measured = Consumed & { milliseconds: number };
export type Measurement = { decide: Measured; resolve: Measured; readAll: Measured; resolved: number };

const SHAPE = `1:${'0'.repeat(32)}`;
/** A row on the order of 6 KB, as one with a long summary and the record of its run. */
const SUMMARY = 'x'.repeat(5500);

const [count, folder] = [Number(process.argv[2]), process.argv[3]!];
const { settings, client, tables } = await openStore(folder);
const names = Array.from({ length: count }, (_, i) => `acme/r${String(i).padStart(5, '0')}`);
const patchShaOf = (name: string) => createHash('sha256').update(name).digest('hex');
const job = await fill();

const { handler } = await import('../../lambdas/api/handler.ts');
const api = await startApi((event) => handler(event, functionContext('api')), { access: 'anyone' });
const consumed = meterDynamoDB();

const seen = digestOfChanges(names.map((name) => ({ repositoryName: name, patchSha: patchShaOf(name) })));
const decide = await measure(async () => {
  const response = await fetch(`${api.url}/jobs/${job.jobId}/reviews`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ decision: 'approve', shape: SHAPE, seen }),
  });
  if (!response.ok) throw new Error(`The decision was answered ${response.status}: ${await response.text()}`);
});
let resolved = 0;
const resolve = await measure(async () => {
  ({ count: resolved } = await resolvePullRequests(
    { jobId: job.jobId, run: 1, action: 'publish' },
    context(),
  ));
});
const readAll = await measure(() => context().repositories.getMany(job.jobId, names, PUBLISHABLE_ATTRIBUTES));
const measurement: Measurement = { decide, resolve, readAll, resolved };
process.stdout.write(JSON.stringify(measurement), () => process.exit());

async function measure(run: () => Promise<unknown>): Promise<Measured> {
  consumed();
  const started = performance.now();
  await run();
  return { milliseconds: performance.now() - started, ...consumed() };
}

/** A publish run of approved changes, at the point where it is about to resolve them. */
async function fill(): Promise<JobRow> {
  const { artifacts, jobs } = context();
  const at = new Date().toISOString();
  const jobId = newJobId();
  const defaults = defaultJobSettings(settings);
  const asked = {
    kind: 'publish' as const,
    action: 'publish' as const,
    approved: true as const,
    requestedAt: at,
  };
  const row: JobRow = {
    ...{ jobId, name: 'Review', type: 'code-pattern-update', run: 1, action: 'publish' },
    ...{ maxRepositories: 10_000, maxConcurrency: 20, maxCostUsd: 50, createPullRequests: false },
    ...{ settings: defaults, status: 'processing', counts: countsOf({ completed: count }) },
    ...{ tokenUsage: NO_TOKENS, costUsd: 1.5, createdAt: at, startedAt: at, updatedAt: at },
    request: await writeRunRequest(artifacts, jobId, {
      ...asked,
      settings: defaults,
      maxCostUsd: 50,
      prompt: '',
    }),
  };
  await jobs.create(row);
  await writeArtifact(artifacts, artifactKeys.repositories(jobId), names);
  const rows = names.map((repositoryName) => ({
    ...{ jobId, repositoryName, status: 'completed', statusKey: statusKey('completed', repositoryName) },
    ...{ run: 1, outcome: 'changed', end: 'submitted', turns: 9, costUsd: 0.02, attempts: 1 },
    ...{ changedFiles: 3, additions: 12, deletions: 12, summary: SUMMARY, shape: SHAPE, kin: SHAPE },
    ...{ patchSha: patchShaOf(repositoryName), tokenUsage: NO_TOKENS },
    ...{ createdAt: at, completedAt: at, updatedAt: at },
  }));
  await putAll(client, tables.repositoriesTable, rows);
  return row;
}
