import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { registerWorkTrees } from '../../../cli/trees/register.ts';
import { inspectWorkTree } from '../../../cli/trees/work-tree.ts';
import { isEnded, type Job } from '../../../core/job.ts';
import { endOfJob } from '../../support/end-of-job.ts';
import { PLAIN_ENVIRONMENT, ROOT, type ServedStack, serveStack } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
import { repositoryOf } from '../../support/work-trees.ts';

const run = promisify(execFile);

const SEED = process.env.SEED ?? '11';
/** Of each operation in each phase. By number and not by time, so that a busy machine sends as many requests as a quiet one. */
const EXAMPLES = 10;

const ALLOWED = { ALLOWED_REPOSITORIES: 'local/sample' };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let stack: ServedStack;
let jobId: string;
let secret: string;

/** A job that has ended with a change is there before every endpoint asks for the secret, as a token is asked for on AWS. */
beforeAll(async () => {
  folder = await temporaryFolder();
  const dataFolder = `${folder.path}/data`;
  stack = await serveStack({ dataFolder, environment: ALLOWED });
  await repositoryOf(`${folder.path}/sample`, { 'a.txt': 'one two\n' });
  await registerWorkTrees([await inspectWorkTree(`${folder.path}/sample`)], stack.gitHub);
  const created = await fetch(`${stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: "Replace 'one' with 'two'.", repositories: ['local/sample'] }),
  });
  ({ jobId } = (await created.json()) as Job);
  await endOfJob(stack.api, jobId);
  await stack.close();
  stack = await serveStack({ dataFolder, environment: ALLOWED, args: ['--require-secret'] });
  secret = (await readFile(`${dataFolder}/secret`, 'utf8')).trim();
});
afterAll(async () => {
  await stack?.close();
  await folder?.remove();
});

test(`schemathesis finds no answer outside of the API's description (SEED=${SEED})`, async () => {
  const program = process.env.SCHEMATHESIS;
  if (!program) throw new Error('SCHEMATHESIS does not name the program. Run `npm run test:moto`.');
  const args = [
    ...['run', `${stack.api}/openapi.json`, '--header', `Authorization: Bearer ${secret}`],
    // checks.py has both, and says what they take besides.
    ...['--checks', 'all', '--exclude-checks', 'positive_data_acceptance,missing_required_header'],
    ...['--seed', SEED, '--max-examples', String(EXAMPLES)],
    ...['--continue-on-failure', '--warnings', 'off'],
  ];
  const environment = {
    ...PLAIN_ENVIRONMENT,
    PYTHONPATH: path.join(ROOT, 'test/support/schemathesis'),
    PYTHONDONTWRITEBYTECODE: '1',
    SCHEMATHESIS_HOOKS: 'checks',
    JOB_ID: jobId,
    NO_COLOR: '1',
  };
  const { stdout } = await run(program, args, {
    cwd: folder.path,
    env: environment,
    maxBuffer: 2 ** 26,
  }).catch((error: Error & { stdout?: string; stderr?: string }) => {
    throw new Error(`schemathesis: ${error.message}\n${error.stdout}\n${error.stderr}`);
  });
  expect(stdout).toMatch(/\d+ generated/);
  process.stdout.write(`${/^.*\d+ generated.*$/m.exec(stdout)?.[0]}\n`);
});

test('after that the API answers, and all that was started ends', async () => {
  const headers = { authorization: `Bearer ${secret}` };
  expect((await fetch(`${stack.api}/health`, { headers })).status).toBe(200);
  await until('the end of all jobs', async () => {
    const answer = await fetch(`${stack.api}/jobs?limit=100`, { headers });
    const { jobs } = (await answer.json()) as { jobs: Job[] };
    return jobs.every(({ status }) => isEnded(status));
  });
});
