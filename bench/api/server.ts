/**
 * `node server.ts JOBS REPOSITORIES FOLDER [PATCH]`: the API on loopback, over a store with so many ended jobs, the last of
 * which has so many repositories. With the file of a patch, which the first repository then has, the rows are of all kinds,
 * and the page is served too. Prints a JSON line with its URLs; `POST /` of the control server answers what was read since the last.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { countsOf, type JobRow, newJobId } from '../../core/job.ts';
import { defaultJobSettings } from '../../core/settings.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { openArtifacts, writeArtifact } from '../../core/store/artifacts.ts';
import { JobTable } from '../../core/store/job-table.ts';
import { statusKey } from '../../core/store/row-end.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import { startApi } from '../../local/api.ts';
import { functionContext } from '../../local/function-context.ts';
import { PAGE_FOLDER } from '../../local/page.ts';
import { meterDynamoDB } from '../metered-dynamodb.ts';
import { openStore } from '../open-store.ts';
import { putAll } from '../put-all.ts';

const [jobCount, repositoryCount] = process.argv.slice(2).map(Number) as [number, number];
const folder = process.argv[4]!;
const patch = process.argv[5];

const { settings, client, tables: names } = await openStore(folder);
const jobId = await fill();

const consumed = meterDynamoDB();

const { handler } = await import('../../lambdas/api/handler.ts');
const api = await startApi((event) => handler(event, functionContext('api')), {
  access: 'anyone',
  ...(patch !== undefined && { page: PAGE_FOLDER }),
});
const control = createServer((_, response) => {
  const { readUnits, writeUnits, calls } = consumed();
  const memory = process.memoryUsage.rss();
  response.end(JSON.stringify({ units: readUnits + writeUnits, calls, memory }));
}).listen(0, '127.0.0.1', () => {
  const { port } = control.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ api: api.url, control: `http://127.0.0.1:${port}`, jobId })}\n`);
});

/** Returns the job that has the repositories. */
async function fill(): Promise<string> {
  const table = new JobTable(client, settings);
  const first = jobRow(0, repositoryCount);
  await table.create(first);
  const jobs = Array.from({ length: jobCount - 1 }, (_, i) => {
    const job = jobRow(i + 1, 10);
    return { ...job, entity: 'job', words: job.name };
  });
  await putAll(client, names.jobsTable, jobs);
  const repositories = Array.from(
    { length: repositoryCount },
    (_, i) => `acme/r${String(i).padStart(5, '0')}`,
  );
  const artifacts = openArtifacts(settings.ARTIFACTS_URL!);
  await writeArtifact(artifacts, artifactKeys.repositories(first.jobId), repositories);
  const bytes = patch === undefined ? undefined : readFileSync(patch);
  const rows = repositories.map((repositoryName, i) => ({
    ...row(first, repositoryName, i),
    ...(bytes && variety(repositoryName, i, bytes)),
  }));
  if (bytes) {
    const key = `jobs/${first.jobId}/repositories/${repositories[0]}/1/diff.patch`;
    await artifacts.write(key, bytes, { contentType: 'text/x-diff' });
    Object.assign(rows[0]!, { artifacts: { diff: key } });
  }
  await putAll(client, names.repositoriesTable, rows);
  return first.jobId;
}

function jobRow(i: number, total: number): JobRow {
  const at = new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString();
  return {
    ...{ jobId: newJobId(), name: `Job ${i}`, type: 'code-pattern-update', run: 1, action: 'analyze' },
    ...{ maxRepositories: 10_000, maxConcurrency: 20, maxCostUsd: 50, createPullRequests: true },
    settings: defaultJobSettings(settings),
    status: 'completed',
    counts: countsOf({ completed: total }),
    ...{ tokenUsage: NO_TOKENS, costUsd: 1.5, createdBy: 'ada@example.com' },
    ...{ createdAt: at, startedAt: at, completedAt: at, updatedAt: at },
  };
}

function row({ jobId, createdAt }: JobRow, repositoryName: string, i: number) {
  return {
    ...{ jobId, repositoryName, status: 'completed', statusKey: statusKey('completed', repositoryName) },
    ...{ run: 1, outcome: 'changed', end: 'submitted', turns: 9, costUsd: 0.02, attempts: 1 },
    ...{ changedFiles: 3, additions: 12, deletions: 12, summary: 'x'.repeat(2000) },
    ...{ shape: `1:${String(i % 12).padStart(32, '0')}`, kin: `1:${String((i % 12) % 7).padStart(32, '0')}` },
    ...{ tokenUsage: NO_TOKENS, createdAt, completedAt: createdAt, updatedAt: createdAt },
  };
}

/** Every tenth has failed, and every third of the others is unchanged, so that filters have something to pick; the rest can be reviewed. */
function variety(repositoryName: string, i: number, patch: Buffer) {
  if (i % 10 === 1)
    return {
      status: 'failed',
      statusKey: statusKey('failed', repositoryName),
      outcome: 'failed',
      end: 'error',
      errorShape: `1:Error: kind ${i % 4}`,
    };
  const patchSha = createHash('sha256')
    .update(i === 0 ? patch : String(i))
    .digest('hex');
  return i % 3 === 1 ? { outcome: 'unchanged' } : { patchSha };
}
