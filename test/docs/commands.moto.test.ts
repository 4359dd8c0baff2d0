import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type AwsServer, startAwsServer } from '../support/aws-commands/aws-server.ts';
import { awsCommandsOf, blocksOf } from '../support/aws-commands/blocks.ts';
import { endOfJob } from '../support/end-of-job.ts';
import { PLAIN_ENVIRONMENT, ROOT, type ServedStack, startStackProcess } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Version 2 of the official CLI, and the Python that has botocore. */
const { AWS_CLI = '', PYTHON = '' } = process.env;
const DOCUMENTS = ['docs/operations.md', 'docs/runbook.md'].filter((name) =>
  existsSync(path.join(ROOT, name)),
);
const BLOCKS = DOCUMENTS.flatMap(blocksOf);
const SHAPES = path.join(ROOT, 'test/support/aws-commands/shapes.py');

let stack: ServedStack;
let aws: AwsServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** What stands in the documents for a name of the reader's. */
let names: Record<string, string>;

describe('the documents', () => {
  test('have commands of both kinds', () => {
    expect(BLOCKS.filter(({ needsAws }) => !needsAws).length).toBeGreaterThan(9);
    expect(BLOCKS.filter(({ needsAws }) => needsAws).length).toBeGreaterThan(4);
  });

  const commands = BLOCKS.flatMap(({ at, text }) => awsCommandsOf(text).map((args) => ({ at, args })));
  test("name operations and parameters of AWS that are in botocore's service model", () => {
    const input = commands.map(({ args }) => JSON.stringify(args)).join('\n');
    const faults = execFileSync(PYTHON, [SHAPES], { input, encoding: 'utf8' }).trim().split('\n');
    expect(faults).toHaveLength(commands.length);
    const wrong = faults.flatMap((fault, i) => (fault === 'null' ? [] : [`${commands[i]!.at}: ${fault}`]));
    expect(wrong).toEqual([]);
  });

  test('a misspelt operation, an unknown option and a missing parameter would be found', () => {
    const wrong = [
      ['batch', 'list-job', '--job-queue', 'q'],
      ['batch', 'list-jobs', '--status', 'RUNNING'],
      ['dynamodb', 'get-item', '--table-name', 't'],
      ['dynamodb', 'wait', 'table-exist', '--table-name', 't'],
      ['logs', 'tail', 'g', '--forever'],
    ];
    const input = wrong.map((args) => JSON.stringify(args)).join('\n');
    const faults = execFileSync(PYTHON, [SHAPES], { input, encoding: 'utf8' }).trim().split('\n');
    expect(faults.map((fault) => JSON.parse(fault))).toEqual([
      expect.stringContaining('no operation list-job'),
      expect.stringContaining('no --status'),
      expect.stringContaining('needs Key'),
      expect.stringContaining('no waiter table-exist'),
      expect.stringContaining('no --forever'),
    ]);
  });
});

describe('on the local stack', () => {
  beforeAll(async () => {
    folder = await temporaryFolder();
    [stack, aws] = await Promise.all([startStackProcess(), startAwsServer(AWS_CLI, PYTHON, folder.path)]);
    const repository = await fetch(`${stack.gitHub}/api/v3/user/repos`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'service-a', auto_init: true }),
    });
    expect(repository.status).toBe(201);
    const created = await fetch(`${stack.api}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        prompt: "Replace 'service' with 'program'.",
        repositories: ['local/service-a'],
      }),
    });
    const { jobId } = (await created.json()) as { jobId: string };
    await endOfJob(stack.api, jobId);
    const row = await fetch(`${stack.api}/jobs/${jobId}/repositories/local/service-a`);
    const { batchJobId, logStream } = (await row.json()) as Record<'batchJobId' | 'logStream', string>;
    names = {
      JOB_ID: jobId,
      BATCH_JOB_ID: batchJobId,
      LOG_STREAM: logStream,
      'OWNER/NAME': 'local/service-a',
      'OWNER%2FNAME': 'local%2Fservice-a',
      API_URL: stack.api,
      ACCOUNT: '000000000000',
      REGION: 'us-east-1',
      TOKEN: 'none',
    };
  });
  afterAll(async () => {
    await stack?.close();
    await aws?.close();
    await folder?.remove();
  });

  test.each(BLOCKS.filter(({ needsAws }) => !needsAws).map(({ at, text }) => [at, text]))(
    'the commands of %s work as they stand there, with `local` for `dev`',
    async (_at, text) => {
      const outcome = await promisify(execFile)('/bin/sh', ['-euc', filledIn(text)], {
        cwd: folder.path,
        env: {
          ...PLAIN_ENVIRONMENT,
          ...stack.awsVariables,
          ...aws.variables,
          PATH: `${aws.programs}:${path.dirname(process.execPath)}:${PLAIN_ENVIRONMENT.PATH}`,
          AWS_PAGER: '',
          HOME: folder.path,
        },
        timeout: 120_000,
      }).then(
        ({ stdout }) => ({ status: 0, printed: stdout.trim() !== '', stderr: '' }),
        ({ code, stderr }) => ({ status: code, printed: false, stderr }),
      );
      expect(outcome).toEqual({ status: 0, printed: true, stderr: '' });
    },
  );
});

/** Longer names first, because one may be a part of another. */
function filledIn(text: string): string {
  const all = Object.entries(names).sort(([a], [b]) => b.length - a.length);
  const filled = all.reduce(
    (so, [name, value]) => so.replaceAll(new RegExp(`(?<![\\w%])${name}(?![\\w%])`, 'g'), value),
    text,
  );
  return filled.replaceAll('cody-batch-dev', 'cody-batch-local');
}
