import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { StartExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { DynamoDBDocumentClient, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WORKER_ARGUMENTS } from '../../core/execution.ts';
import { isEnded, newJobId } from '../../core/job.ts';
import { OutcomeDocument } from '../../core/outcome.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import { LOCAL_AWS } from '../support/aws-clients.ts';
import type { JobWithResults } from '../support/end-of-job.ts';
import { Fleet } from '../support/fleet.ts';
import { startScriptedModel } from '../support/scripted-model.ts';
import { PLAIN_ENVIRONMENT, ROOT, startStackProcess } from '../support/stack.ts';
import { until } from '../support/until.ts';

const SPENT = { ...NO_TOKENS, input: 1000, output: 100, total: 1100 };

/** The outcome of a worker that has done its work. */
const OUTCOME: OutcomeDocument = OutcomeDocument.parse({
  ...{ jobId: '%s', repositoryName: '%s', run: 1, outcome: 'unchanged', end: 'submitted', model: 'a-model' },
  ...{ summary: 'Nothing to do.', changes: [], artifacts: {}, tokenUsage: SPENT, costUsd: 0.003, turns: 1 },
  ...{ verification: [], attempt: 1, logs: [] },
  startedAt: '2026-01-01T00:00:00.000Z',
  completedAt: '2026-01-01T00:00:01.000Z',
});
const CHECKPOINT = { run: 1, turns: 1, tokenUsage: SPENT, costUsd: 0.003, model: 'a-model', savedAt: '2026' };
const NEGATIVE = { ...CHECKPOINT, tokenUsage: { ...SPENT, input: -5 } };

/** The name of a repository decides which artifacts its worker writes, and how it ends. */
const WORKER = `
folder="\${ARTIFACTS_URL#file://}/jobs/$1/repositories/$2/$3"
mkdir -p "$folder/checkpoint"
state="$folder/checkpoint/usage.json"
outcome() { printf '${JSON.stringify(OUTCOME).replace('"run":1', '"run":%s')}' "$1" "$2" "$3" > "$folder/outcome.json"; }
case "$2" in
  */fine) outcome "$1" "$2" "$3"
    sed -i 's|"artifacts":{}|"artifacts":{"thread":"jobs/'"$1/repositories/$2/$3"'/thread.json"}|' "$folder/outcome.json" ;;
  */paid) outcome "$1" "$2" 1; exit 1 ;;
  */spent) echo '${JSON.stringify(CHECKPOINT)}' > "$state"; exit 1 ;;
  */empty-checkpoint) : > "$state"; exit 1 ;;
  */negative-checkpoint) echo '${JSON.stringify(NEGATIVE)}' > "$state"; exit 1 ;;
  */null-checkpoint) echo null > "$state"; exit 1 ;;
  */empty-outcome) : > "$folder/outcome.json" ;;
  */half-outcome) outcome "$1" "$2" 1; head -c 200 "$folder/outcome.json" > "$folder/half"; mv "$folder/half" "$folder/outcome.json" ;;
  */turns) outcome "$1" "$2" "$3"
    if [ "$3" = 1 ]; then
      for file in diff.patch change-set.json thread.json; do echo '{}' > "$folder/$file"; done
      sed -i 's/"unchanged"/"gaveUp"/; s|"artifacts":{}|"artifacts":{"diff":"jobs/'"$1/repositories/$2/1"'/diff.patch"}|' "$folder/outcome.json"
    fi ;;
  */others-outcome) outcome "$1" local/fine 1 ;;
  */foreign-outcome) echo '{"run":1,"result":"of another version"}' > "$folder/outcome.json" ;;
  */waits*) sleep 300 ;;
esac
`;

let fleet: Fleet;
let tables: DynamoDBDocumentClient;

beforeAll(async () => {
  const stack = await startStackProcess({
    ...{ given: {}, gitHub: 'local', model: 'offline', shared: false, maxRunning: 4, timeScale: 200 },
    workerCommand: ['/bin/sh', '-c', WORKER, 'worker', ...WORKER_ARGUMENTS],
  });
  fleet = Fleet.over(stack, await startScriptedModel([]));
  tables = DynamoDBDocumentClient.from(
    new DynamoDBClient({
      ...LOCAL_AWS,
      endpoint: stack.awsVariables.AWS_ENDPOINT_URL_DYNAMODB!,
    }),
  );
});
afterAll(async () => {
  tables?.destroy();
  await fleet?.close();
});

const JOBS = 'cody-batch-local-jobs';
const REPOSITORIES = 'cody-batch-local-repositories';

/** Edits attributes of an item, as users can with the AWS CLI. */
async function edit(TableName: string, Key: Record<string, string>, values: Record<string, unknown>) {
  const names = Object.keys(values);
  await tables.send(
    new UpdateCommand({
      ...{ TableName, Key, UpdateExpression: `SET ${names.map((_, i) => `#${i} = :${i}`).join(', ')}` },
      ExpressionAttributeNames: Object.fromEntries(names.map((name, i) => [`#${i}`, name])),
      ExpressionAttributeValues: Object.fromEntries(names.map((name, i) => [`:${i}`, values[name]])),
    }),
  );
}

/** Invokes a function like Lambda, outside of the state machine. */
async function invoke(name: string, input: object): Promise<void> {
  const { awsVariables, dataFolder, gitHub } = fleet.stack;
  const env = {
    ...{ ...PLAIN_ENVIRONMENT, ...awsVariables, DYNAMODB_TABLE_PREFIX: 'cody-batch-local' },
    ARTIFACTS_URL: pathToFileURL(path.join(dataFolder, 'artifacts')).href,
    GITHUB_API_URL: `${gitHub}/api/v3`,
  };
  const args = [path.join(ROOT, 'test/support/invoke-function.ts'), name, JSON.stringify(input)];
  await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
}

function artifact(jobId: string, ...names: string[]): string {
  return path.join(fleet.stack.dataFolder, 'artifacts/jobs', jobId, ...names);
}

/** Returns the job once the reconciler, on its schedule, has changed it to this. */
function mended(jobId: string, holds: (job: JobWithResults) => boolean): Promise<JobWithResults> {
  return until(`what the reconciler makes of ${jobId}`, async () => {
    const job = await fleet.job(jobId);
    return holds(job) ? job : undefined;
  });
}

/** Its other repositories have ended, and one works. */
function atWork(jobId: string): Promise<unknown> {
  return until('the last repository to work', async () => {
    const { waits, ...others } = await fleet.rows(jobId);
    return waits?.startedAt && Object.values(others).every(({ status }) => isEnded(status));
  });
}

async function expectServed(): Promise<void> {
  expect((await fleet.call('GET', '/health')).json).toMatchObject({ status: 'ok' });
  expect((await fleet.call('GET', '/jobs')).status).toBe(200);
}

test('unreadable artifacts affect only their repositories: the job ends, the others keep their results, and it can run again', async () => {
  const lost = ['empty-checkpoint', 'negative-checkpoint', 'null-checkpoint', 'empty-outcome'];
  lost.push('half-outcome', 'foreign-outcome', 'others-outcome', 'spent');
  const jobId = await fleet.post(['fine', 'paid', ...lost]);
  const job = await fleet.ended(jobId);
  expect(job).toMatchObject({
    status: 'completed',
    counts: { total: 10, completed: 2, failed: 8, processing: 0 },
    // Of three that have said it: what cannot be read has no figure.
    tokenUsage: { total: 3 * SPENT.total },
  });
  for (const { repositoryName, status, error, outcome } of job.results) {
    if (repositoryName === 'local/fine' || repositoryName === 'local/paid')
      expect({ status, outcome, error }).toEqual({ status: 'completed', outcome: 'unchanged' });
    else
      expect({ repositoryName, status, error }).toEqual({
        ...{ repositoryName, status: 'failed' },
        error: {
          name: 'WorkerLostError',
          message: expect.stringMatching(
            repositoryName.endsWith('outcome')
              ? /could not be recorded\. (?:DamagedArtifactError: .*outcome\.json|WorkerLostError: .*is of local\/fine of job).*\. Retry the job/
              : /exit code 1.*Its log stream is /,
          ),
        },
      });
  }
  expect((await fleet.call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ run: 2, counts: { completed: 2, failed: 8 } });
  const log = await readFile(path.join(fleet.stack.dataFolder, 'logs/functions.log'), 'utf8');
  expect(log).toMatch(/"level":"WARN".*empty-checkpoint\/1\/checkpoint\/usage\.json cannot be read/);
  expect((await fleet.call('DELETE', `/jobs/${jobId}`, undefined)).status).toBe(204);
});

const FAILED = { Error: 'States.Runtime', Cause: 'An error of the state machine.' };

test.each<[string, (jobId: string) => Promise<unknown>, 'cancelled' | 'failed']>([
  ['a cancel', (jobId) => fleet.call('POST', `/jobs/${jobId}/cancel`), 'cancelled'],
  [
    'an execution that somebody has stopped',
    (jobId) => fleet.sfn.send(new StopExecutionCommand({ executionArn: fleet.executionArn(jobId) })),
    'cancelled',
  ],
  [
    'FailJob',
    (jobId) => invoke('steps/fail-job', { jobId, run: 1, action: 'analyze', error: FAILED }),
    'failed',
  ],
])('unreadable checkpoints do not keep a job from ending by %s', async (_, end, status) => {
  const names = ['waits', 'waits-2', 'waits-3', 'waits-4'];
  const jobId = await fleet.post(['fine', ...names]);
  await until('four repositories to work', async () => {
    const { fine, ...others } = await fleet.rows(jobId);
    return isEnded(fine?.status ?? 'pending') && Object.values(others).every(({ startedAt }) => startedAt);
  });
  const texts = ['{"run":"x"}', '{', 'null', JSON.stringify(NEGATIVE)];
  for (const [i, text] of texts.entries()) {
    const folder = artifact(jobId, 'repositories/local', names[i]!, '1/checkpoint');
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'state.json'), text);
  }
  await end(jobId);
  const job = await mended(jobId, ({ counts }) => counts[status] === names.length);
  expect(job).toMatchObject({ status, counts: { total: 5, completed: 1, processing: 0 } });
  expect((await fleet.call('DELETE', `/jobs/${jobId}`, undefined)).status).toBe(204);
});

test('with the lists, the request and a conversation of a job damaged, it can be read, cancelled and deleted', async () => {
  const jobId = await fleet.post(['fine', 'spent', 'waits']);
  await atWork(jobId);
  for (const name of ['request.json', 'repositories.json']) await writeFile(artifact(jobId, name), '[');
  await writeFile(artifact(jobId, 'repositories/local/waits/1/checkpoint/usage.json'), '');
  await writeFile(artifact(jobId, 'repositories/local/fine/1/thread.json'), '{"messages":');
  expect((await fleet.call('GET', `/jobs/${jobId}?include=text`)).json).toMatchObject({
    asWritten: { request: expect.stringContaining('request.json cannot be read') },
    results: [{ repositoryName: 'local/fine' }, { repositoryName: 'local/spent' }, {}],
  });
  const thread = await fleet.call('GET', `/jobs/${jobId}/repositories/local/fine/claude-thread`);
  expect(thread).toMatchObject({ status: 404, json: { detail: expect.stringContaining('thread.json') } });
  expect((await fleet.call('POST', `/jobs/${jobId}/cancel`)).status).toBe(200);
  const job = await mended(jobId, ({ counts }) => counts.cancelled === 1 && counts.processing === 0);
  expect(job).toMatchObject({ status: 'cancelled', counts: { total: 3, completed: 1 } });
  expect((await fleet.call('DELETE', `/jobs/${jobId}`, undefined)).status).toBe(204);
  await until('the end of its rows', async () => Object.keys(await fleet.rows(jobId)).length === 0);
});

test('a job that a user marks FAILED is failed and can run again; an unknown status is shown and can be cancelled', async () => {
  const jobId = await fleet.post(['fine']);
  await fleet.ended(jobId);
  await edit(JOBS, { jobId }, { status: 'FAILED' });
  await edit(REPOSITORIES, { jobId, repositoryName: 'local/fine' }, { status: 'FAILED', tokenUsage: 'many' });
  await expectServed();
  expect(await fleet.job(jobId)).toMatchObject({ status: 'failed', results: [{ status: 'failed' }] });
  expect((await fleet.call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ run: 2, status: 'completed', counts: { completed: 1 } });

  const other = await fleet.post(['fine', 'waits']);
  await atWork(other);
  await edit(JOBS, { jobId: other }, { status: 'on hold', run: 'first', counts: [] });
  await edit(REPOSITORIES, { jobId: other, repositoryName: 'local/waits' }, { status: '?', run: 'x' });
  await expectServed();
  const shown = (await fleet.call('GET', `/jobs/${other}`)).json;
  expect(shown).toMatchObject({ status: 'unknown', results: [{}, { status: 'unknown' }] });
  expect((await fleet.call('POST', `/jobs/${other}/cancel`)).status).toBe(200);
  expect(await mended(other, ({ counts }) => counts.cancelled === 1)).toMatchObject({
    status: 'cancelled',
    counts: { total: 2, completed: 1, cancelled: 1 },
  });
});

test('a repository that gave up with a diff, and is unchanged in its next run, keeps nothing of the first', async () => {
  const jobId = await fleet.post(['turns']);
  const repository = `/jobs/${jobId}/repositories/local/turns`;
  expect((await fleet.ended(jobId)).results).toMatchObject([{ status: 'failed', outcome: 'gaveUp' }]);
  const diff = () => fetch(`${fleet.stack.api}${repository}/diff`);
  expect((await diff()).status).toBe(200);
  expect(await fleet.itemsOf(jobId)).toContainEqual(
    expect.objectContaining({ repositoryName: 'local/turns#diff' }),
  );
  expect((await fleet.call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
  expect((await fleet.ended(jobId)).results).toMatchObject([{ status: 'completed', outcome: 'unchanged' }]);
  // Of an unchanged repository the diff is empty.
  expect(await (await diff()).text()).not.toContain('{}');
  const { turns: row } = await fleet.rows(jobId);
  expect(row).toMatchObject({ artifacts: {} });
  expect(row).not.toHaveProperty('changeSetSha256');
  expect((await fleet.itemsOf(jobId)).map(({ repositoryName }) => repositoryName)).not.toContain(
    'local/turns#diff',
  );
  const filesOf = (run: number) => readdir(artifact(jobId, `repositories/local/turns/${run}`));
  expect((await filesOf(2)).sort()).toEqual(['checkpoint', 'outcome.json']);
  // The first run's artifacts stay until the job is deleted, and are shown only by its number.
  expect(await filesOf(1)).toContain('diff.patch');
  expect(await (await fetch(`${fleet.stack.api}${repository}/diff?run=1`)).text()).toBe('{}\n');
  expect((await fetch(`${fleet.stack.api}${repository}/diff?run=2`)).status).toBe(404);
});

test('a list of repositories that names one twice is read as if it named it once', async () => {
  const jobId = await fleet.post(['fine', 'spent']);
  await fleet.ended(jobId);
  const names = ['local/fine', 'local/spent', 'local/spent', 'local/fine'];
  await writeFile(artifact(jobId, 'repositories.json'), JSON.stringify(names));
  expect(await fleet.job(jobId)).toMatchObject({ results: { length: 2 } });
  expect((await fleet.call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({
    ...{ run: 2, counts: { total: 2, completed: 1, failed: 1 } },
    results: [{ outcome: 'unchanged' }, { status: 'failed' }],
  });
});

test('a row with the number of a run that never existed ends with its job, and can run again', async () => {
  const jobId = await fleet.post(['fine', 'waits']);
  await atWork(jobId);
  await edit(REPOSITORIES, { jobId, repositoryName: 'local/waits' }, { run: 1.5 });
  expect((await fleet.call('POST', `/jobs/${jobId}/cancel`)).status).toBe(200);
  const cancelled = await mended(jobId, ({ counts }) => counts.cancelled === 1);
  expect(cancelled).toMatchObject({ counts: { completed: 1, cancelled: 1 } });
  await edit(REPOSITORIES, { jobId, repositoryName: 'local/waits' }, { run: 99 });
  expect((await fleet.call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
  await until('it to work again', async () => {
    const { waits } = await fleet.rows(jobId);
    return waits?.run === 2 && waits.status === 'processing';
  });
  expect((await fleet.call('POST', `/jobs/${jobId}/cancel`)).status).toBe(200);
  await mended(jobId, ({ counts }) => counts.cancelled === 1 && counts.processing === 0);
});

test('the reconciler corrects a job that was set back by hand, and completes an interrupted cancel', async () => {
  // Whatever it meets on the way: this one cannot even be asked for.
  await tables.send(
    new PutCommand({
      TableName: JOBS,
      Item: { jobId: 'no job/at all', entity: 'job', status: 'pending', createdAt: '9999', run: 1 },
    }),
  );
  const done = await fleet.post(['fine', 'spent']);
  const before = await fleet.ended(done);
  await edit(JOBS, { jobId: done }, { status: 'PENDING' });
  const after = await mended(done, ({ status }) => isEnded(status));
  expect(after).toMatchObject({ status: 'completed', counts: before.counts, tokenUsage: before.tokenUsage });
  expect(after).not.toHaveProperty('error');

  const left = await fleet.post(['fine', 'paid', 'spent']);
  await fleet.ended(left);
  const rows = await fleet.rows(left);
  // As a cancel leaves it whose process died in between: one outcome was written and not recorded.
  for (const [name, status] of Object.entries({ fine: 'processing', spent: 'processing', paid: 'pending' })) {
    const { jobId, repositoryName, run, updatedAt } = rows[name]!;
    const Item = { jobId, repositoryName, run, updatedAt, status, statusKey: `${status}#${repositoryName}` };
    await tables.send(new PutCommand({ TableName: REPOSITORIES, Item }));
  }
  const counts = { total: 3, pending: 1, processing: 2, completed: 0, failed: 0, cancelled: 0 };
  await edit(JOBS, { jobId: left }, { status: 'cancelled', counts });
  const ended = await mended(left, ({ counts: { processing, pending } }) => processing + pending === 0);
  expect(ended).toMatchObject({
    status: 'cancelled',
    counts: { total: 3, completed: 1, cancelled: 2 },
    tokenUsage: { total: 2 * SPENT.total },
    results: [
      { repositoryName: 'local/fine', outcome: 'unchanged', turns: 1 },
      { repositoryName: 'local/paid', status: 'cancelled' },
      { repositoryName: 'local/spent', status: 'cancelled', tokenUsage: SPENT },
    ],
  });
  const log = await readFile(path.join(fleet.stack.dataFolder, 'logs/functions.log'), 'utf8');
  expect(log).toContain('The job no job/at all could not be repaired');
  await expectServed();
});

test('an execution of a missing job fails with that reason; one of an ended job does nothing', async () => {
  const jobId = newJobId();
  const start = async (input: object, name: string) => {
    const stateMachineArn = fleet.executionArn('').replace(/:execution:(.*):-1$/, ':stateMachine:$1');
    await fleet.sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
    return until('its end', async () => {
      const status = await fleet.executionOf(name);
      return status?.status === 'RUNNING' ? undefined : status;
    });
  };
  const byHand = await start({ jobId, run: 1, action: 'analyze' }, 'by-hand');
  expect(byHand).toMatchObject({ status: 'FAILED', error: 'NotFoundError' });
  expect(byHand.cause).toMatch(/no job .*POST \/jobs/);
  const { Item } = await tables.send(new GetCommand({ TableName: JOBS, Key: { jobId } }));
  expect(Item).toBeUndefined();

  const ended = await fleet.post(['fine']);
  await fleet.ended(ended);
  const again = await start({ jobId: ended, run: 1, action: 'analyze' }, 'again');
  expect(again).toMatchObject({ status: 'SUCCEEDED' });
});

test('removed folders are made again', async () => {
  for (const folder of ['tmp', 'batch/running', 'batch/logs', 'states/executions'])
    await rm(path.join(fleet.stack.dataFolder, folder), { recursive: true });
  const jobId = await fleet.post(['fine']);
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'completed' });
});

test('a job that never called its unpriced model has no cost, because zero would read as its price', async () => {
  const jobId = await fleet.post(['waits']);
  await atWork(jobId);
  expect((await fleet.call('POST', `/jobs/${jobId}/cancel`)).status).toBe(200);
  const job = await mended(jobId, ({ counts }) => counts.cancelled === 1);
  expect(job).not.toHaveProperty('costUsd');
  expect(job.results[0]).not.toHaveProperty('costUsd');
});

test('an expired job is deleted with everything that it has, even if it runs, and damaged jobs do not keep others', async () => {
  const damaged = { createdAt: '0', run: 1, expiresAt: 1 };
  for (const Item of [
    { ...damaged, jobId: 'no deletion/at all', status: 'deleting', deletedAt: '0' },
    { ...damaged, jobId: 'no expired job/at all', entity: 'job', status: 'completed' },
  ])
    await tables.send(new PutCommand({ TableName: JOBS, Item }));
  const [kept, ended, running] = [
    await fleet.post(['fine']),
    await fleet.post(['fine', 'spent']),
    await fleet.post(['fine', 'waits']),
  ];
  await fleet.ended(kept);
  await fleet.ended(ended);
  await atWork(running);
  const aDayAgo = Math.floor(Date.now() / 1000) - 86_400;
  await edit(JOBS, { jobId: kept }, { expiresAt: aDayAgo + 2 * 86_400 });
  for (const jobId of [ended, running]) await edit(JOBS, { jobId }, { expiresAt: aDayAgo });
  for (const jobId of [ended, running]) {
    await until(`all of ${jobId} to go`, async () => {
      const items = await fleet.itemsOf(jobId);
      const files = await readdir(artifact(jobId)).catch(() => []);
      // What stays for some days is its identifier, and what lets nothing late start.
      return items.length === 2 && !items[0]!.status && items[1]!.stoppedBy === 'deleted' && !files.length;
    });
    expect((await fleet.call('GET', `/jobs/${jobId}`)).status).toBe(404);
    expect(fleet.workers(jobId)).toEqual([]);
  }
  expect(await fleet.job(kept)).toMatchObject({ status: 'completed', results: [{ outcome: 'unchanged' }] });
  await expectServed();
});
