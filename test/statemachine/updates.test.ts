import { createHash } from 'node:crypto';
import { ConditionalCheckFailedException, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { newJobId } from '../../core/job.ts';
import { statesWithin, type TaskState } from '../../statemachine/asl.ts';
import { jobDefinition } from '../../statemachine/job.ts';
import { AT, jobRow } from '../support/job-row.ts';
import { openTestTables, type TestTables } from '../support/stores.ts';

const NAME = 'local/one';
const STATES = Object.fromEntries(statesWithin(jobDefinition()));

let tables: TestTables;
let jobId: string;
beforeAll(async () => {
  tables = await openTestTables();
});
afterAll(() => tables.close());
beforeEach(async () => {
  jobId = newJobId();
  await tables.jobs.create(jobRow({ jobId, status: 'pending' }));
  await tables.rows.createPending(jobId, [NAME], AT);
});

/** Sends a state's update as Step Functions does. Returns false if its condition does not hold. */
async function update(name: string, run = 1, token = 'a-token'): Promise<boolean> {
  const { Parameters } = STATES[name] as TaskState;
  const text = JSON.stringify(evaluate(Parameters, { jobId, repositoryName: NAME, run, token }))
    .replace('${JobsTable}', tables.settings.jobsTable)
    .replace('${RepositoriesTable}', tables.settings.repositoriesTable);
  try {
    await tables.client.send(new UpdateItemCommand(JSON.parse(text)));
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

type Input = Record<string, string | number>;

function evaluate(template: unknown, input: Input): unknown {
  if (Array.isArray(template)) return template.map((entry) => evaluate(entry, input));
  if (typeof template !== 'object' || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) =>
      key.endsWith('.$') ? [key.slice(0, -2), read(value, input)] : [key, evaluate(value, input)],
    ),
  );
}

/** Resolves `$.field`, the execution's fields, the token's hash and `States.Format('…{}…', $.field)`: these states use no more. */
function read(expression: string, input: Input): unknown {
  const [, format, argument] = /^States\.Format\('(.*)', \$\.(\w+)\)$/.exec(expression) ?? [];
  if (format !== undefined) return format.replace('{}', String(input[argument!]));
  if (expression === "States.Hash($.worker.token, 'SHA-256')") return sha256(input.token as string);
  if (expression === '$$.Execution.StartTime') return AT;
  if (expression === '$$.Execution.Id') return 'arn:aws:states:us-east-1:000000000000:execution:job:one';
  const field = /^\$\.(\w+)$/.exec(expression)?.[1];
  if (field === undefined || input[field] === undefined)
    throw new Error(`This test cannot read ${expression}.`);
  return input[field];
}

test('only a job’s current run starts it, also again, and no run starts an ended job', async () => {
  const { jobs } = tables;
  expect(await update('StartJob', 2)).toBe(false);
  expect(await update('StartJob')).toBe(true);
  expect(await update('StartJob')).toBe(true);
  expect(await jobs.get(jobId)).toMatchObject({
    status: 'processing',
    startedAt: AT,
    executionArn: 'arn:aws:states:us-east-1:000000000000:execution:job:one',
  });
  await jobs.cancel(jobId, 1, AT);
  expect(await update('StartJob')).toBe(false);
});

test('an ended job is distinguished from an unknown one, and the check changes neither', async () => {
  const { jobs, client, settings } = tables;
  const before = await jobs.get(jobId);
  expect(await update('IsThereSuchAJob')).toBe(true);
  expect(await jobs.get(jobId)).toEqual(before);
  jobId = newJobId();
  expect(await update('IsThereSuchAJob')).toBe(false);
  const Key = { jobId };
  expect(await client.send(new GetCommand({ TableName: settings.jobsTable, Key }))).not.toHaveProperty(
    'Item',
  );
});

test('a run takes a pending repository, and never an ended one', async () => {
  const { rows, index } = tables;
  expect(await update('StartRepository')).toBe(true);
  expect(await update('StartRepository')).toBe(true);
  expect(await update('StartRepository', 2)).toBe(false);
  expect(await rows.get(jobId, NAME)).toMatchObject({ status: 'processing', run: 1, submittedAt: AT });
  expect(await index.countByIndex(jobId)).toMatchObject({ total: 1, processing: 1 });
  await rows.end(jobId, NAME, 1, { status: 'completed', outcome: 'unchanged', completedAt: AT });
  expect(await update('StartRepository')).toBe(false);
});

test('the row accepts only the worker of the newest execution, and does not show its token', async () => {
  const { rows } = tables;
  await update('StartRepository', 1, 'first');
  await update('StartRepository', 1, 'second');
  const worker = { status: 'processing', run: 1, from: undefined, tokenSha256: sha256('second') };
  expect(await rows.findWorker(jobId, NAME)).toEqual(worker);
  expect(JSON.stringify(await rows.get(jobId, NAME))).not.toContain(worker.tokenSha256);
  await rows.end(jobId, NAME, 1, { status: 'completed', outcome: 'unchanged', completedAt: AT });
  expect(await rows.findWorker(jobId, NAME)).toEqual({ ...worker, status: 'completed' });
  expect(await rows.findWorker(jobId, 'local/none')).toBeUndefined();
});

test('a stopped job admits no repository', async () => {
  const { control } = tables;
  expect(await update('AdmitRepository')).toBe(true);
  await control.stop(jobId, 1, 'jobCost');
  expect(await update('AdmitRepository')).toBe(false);
});

test('the end of an analysis is recorded for its run, and nothing is written for a deleted job', async () => {
  const { control, client, settings } = tables;
  await control.openRun(jobId, 2);
  expect(await update('RecordAnalysisEnd', 2)).toBe(true);
  expect((await control.get(jobId)).analysedInRun).toBe(2);

  jobId = newJobId();
  const Key = { jobId: `${jobId}#control` };
  expect(await update('RecordAnalysisEnd')).toBe(false);
  expect(await client.send(new GetCommand({ TableName: settings.jobsTable, Key }))).not.toHaveProperty(
    'Item',
  );
});

test('these tests cover every update of the state machine', () => {
  const updates = Object.entries(STATES).filter(
    ([, state]) => (state as TaskState).Resource === 'arn:aws:states:::dynamodb:updateItem',
  );
  expect(updates.map(([name]) => name).sort()).toEqual([
    'AdmitRepository',
    'IsThereSuchAJob',
    'RecordAnalysisEnd',
    'StartJob',
    'StartRepository',
  ]);
});
