import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { BatchClient, DescribeJobsCommand, ListJobsCommand } from '@aws-sdk/client-batch';
import { DynamoDBClient, GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SFNClient,
} from '@aws-sdk/client-sfn';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Job } from '../../core/job.ts';
import type { RepositoryResult, RepositorySummary } from '../../core/repository-result.ts';
import { LOCAL_AWS } from '../support/aws-clients.ts';
import { endOfJob } from '../support/end-of-job.ts';
import { git } from '../support/git.ts';
import { cody, type ServedStack, serveStack } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOfPackage } from '../support/work-trees.ts';

const OLD = 'new Error(';
const NEW = 'new RangeError(';
const PROMPT = `Replace all occurrences of '${OLD}' with '${NEW}'.`;
/** As Lambda would set it. */
const TRACE = '1-5759e988-bd862e3fe1be46a994272793';
/** A small diff, and one of over 300 KiB. */
const PACKAGES = ['dynalite', 'glob'];

let stack: ServedStack;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let trees: string[];
/** The job as the command line printed it. */
let byCommand: Job & { results: RepositorySummary[] };
let printed: Awaited<ReturnType<typeof cody>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  trees = PACKAGES.map((name) => path.join(folder.path, 'trees', path.basename(name)));
  await Promise.all(PACKAGES.map((name, i) => repositoryOfPackage(name, trees[i]!)));
  // Minified files and source maps have lines of a megabyte.
  stack = await serveStack({
    environment: { MAX_PATCH_KIB: '16000', _X_AMZN_TRACE_ID: `Root=${TRACE};Parent=0;Sampled=1` },
  });
  // Uncommitted work in one of them: it must stay where it is, and be left out of the job.
  await writeFile(path.join(trees[1]!, 'package.json'), `{"uncommitted": "${OLD}"}`);
  const repositories = trees.flatMap((tree) => ['--repo', tree]);
  printed = await cody([
    'run',
    ...repositories,
    '--prompt',
    PROMPT,
    '--create-pull-requests',
    '--json',
    '--out',
    path.join(folder.path, 'out'),
    '--data',
    stack.dataFolder,
  ]);
  byCommand = JSON.parse(printed.stdout);
});

afterAll(async () => {
  await stack.close();
  await folder.remove();
});

/** The tree that `sed` makes of a package's repository. */
async function treeBySed(tree: string): Promise<string> {
  const copy = path.join(folder.path, 'sed', path.basename(tree));
  await mkdir(path.dirname(copy), { recursive: true });
  await git(path.dirname(copy), 'clone', '--quiet', tree, copy);
  const { stdout } = await promisify(execFile)('grep', ['-rlF', '--exclude-dir=.git', OLD, copy], {
    maxBuffer: 1e8,
  });
  await promisify(execFile)('sed', ['-i', `s/${OLD}/${NEW}/g`, ...stdout.trim().split('\n')]);
  await git(copy, 'add', '--all');
  return git(copy, 'write-tree');
}

test('a literal change gives the tree that sed gives, by the patch and by the pull request', async () => {
  expect(printed.status).toBe(0);
  for (const [i, tree] of trees.entries()) {
    const expected = await treeBySed(tree);
    expect(expected).not.toBe(await git(tree, 'rev-parse', 'HEAD^{tree}'));
    const name = `local/${path.basename(tree)}`;
    const result = byCommand.results.find(({ repositoryName }) => repositoryName === name)!;
    expect(result).toMatchObject({ status: 'completed', outcome: 'changed', pullRequest: { state: 'open' } });

    const patched = path.join(folder.path, 'patched', String(i));
    await mkdir(path.dirname(patched), { recursive: true });
    await git(folder.path, 'clone', '--quiet', tree, patched);
    await git(patched, 'apply', '--index', path.join(folder.path, 'out', name, 'diff.patch'));
    expect(await git(patched, 'write-tree')).toBe(expected);

    await git(patched, 'fetch', '--quiet', `${stack.gitHub}/${name}.git`, `refs/heads/${result.branch}`);
    expect(await git(patched, 'rev-parse', 'FETCH_HEAD^{tree}')).toBe(expected);
    expect(await git(patched, 'rev-parse', 'FETCH_HEAD^')).toBe(await git(tree, 'rev-parse', 'HEAD'));
  }
});

test("the user's work tree is not changed, and its uncommitted files are left out and counted", async () => {
  expect(await readFile(path.join(trees[1]!, 'package.json'), 'utf8')).toBe(`{"uncommitted": "${OLD}"}`);
  expect(await git(trees[1]!, 'status', '--porcelain')).toBe(' M package.json');
  expect(await git(trees[1]!, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
  expect(printed.stderr).toMatch(/glob is local\/glob at [0-9a-f]{10}; 1 uncommitted file is left out/);
  const patch = await readFile(path.join(folder.path, 'out/local/glob/diff.patch'), 'utf8');
  expect(patch).not.toContain('uncommitted');
});

test('the job by HTTP and the job by the command line leave the same rows in DynamoDB', async () => {
  const created = await fetch(`${stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      prompt: PROMPT,
      repositories: PACKAGES.map((name) => `local/${path.basename(name)}`),
      createPullRequests: true,
    }),
  });
  expect(created.status).toBe(201);
  const job = (await created.json()) as Job;
  expect(created.headers.get('location')).toBe(`/jobs/${job.jobId}`);
  await endOfJob(stack.api, job.jobId);

  const client = new DynamoDBClient({
    ...LOCAL_AWS,
    endpoint: stack.awsVariables.AWS_ENDPOINT_URL_DYNAMODB!,
  });
  const rowsOf = async (jobId: string) => {
    const { Items } = await client.send(
      new QueryCommand({
        TableName: 'cody-batch-local-repositories',
        KeyConditionExpression: 'jobId = :jobId',
        ExpressionAttributeValues: { ':jobId': { S: jobId } },
      }),
    );
    const rows = Items!.map((item) => unmarshall(item) as RepositoryResult & { diff?: string });
    // The history of pull requests comes by a schedule, to one job earlier than to the other.
    const ofRepositories = rows.filter(({ repositoryName }) => !repositoryName.startsWith('#pull-requests#'));
    return ofRepositories.map((row) => comparable(row, jobId));
  };
  const [http, command] = [await rowsOf(job.jobId), await rowsOf(byCommand.jobId)];
  expect(http).toEqual(command);
  expect(http.map(({ repositoryName }) => repositoryName)).toEqual([
    'local/dynalite',
    'local/dynalite#diff',
    'local/glob',
  ]);
  expect(http[0]).toMatchObject({
    status: 'completed',
    statusKey: 'completed#local/dynalite',
    outcome: 'changed',
    end: 'submitted',
    wereChangesNecessary: true,
    model: 'offline',
  });
  expect(http[1]!.diff).toContain('+++ b/');
  // A diff of over 300 KiB is in the artifacts only.
  expect((await readFile(path.join(folder.path, 'out/local/glob/diff.patch'))).length).toBeGreaterThan(
    300 * 1024,
  );

  const { Items: index } = await client.send(
    new QueryCommand({
      TableName: 'cody-batch-local-repositories',
      IndexName: 'job-summary-index',
      KeyConditionExpression: 'jobId = :jobId AND begins_with(statusKey, :completed)',
      ExpressionAttributeValues: { ':jobId': { S: job.jobId }, ':completed': { S: 'completed#' } },
    }),
  );
  expect(index!.map(({ repositoryName }) => repositoryName!.S)).toEqual(['local/dynalite', 'local/glob']);

  const { Item } = await client.send(
    new GetItemCommand({ TableName: 'cody-batch-local-jobs', Key: { jobId: { S: job.jobId } } }),
  );
  expect(unmarshall(Item!)).toMatchObject({
    status: 'completed',
    counts: { total: 2, pending: 0, processing: 0, completed: 2, failed: 0, cancelled: 0 },
    run: 1,
    type: 'code-pattern-update',
  });
  client.destroy();
});

test('the official clients see the execution, its history and the Batch jobs', async () => {
  const states = new SFNClient({ ...LOCAL_AWS, endpoint: stack.awsVariables.AWS_ENDPOINT_URL_SFN! });
  const execution = await states.send(
    new DescribeExecutionCommand({ executionArn: byCommand.executionArn! }),
  );
  expect(execution).toMatchObject({ status: 'SUCCEEDED', name: `${byCommand.jobId}-1` });
  expect(JSON.parse(execution.input!)).toEqual({ jobId: byCommand.jobId, run: 1, action: 'analyze' });
  const { events } = await states.send(
    new GetExecutionHistoryCommand({ executionArn: byCommand.executionArn!, maxResults: 1000 }),
  );
  const entered = events!.flatMap(({ stateEnteredEventDetails }) => stateEnteredEventDetails?.name ?? []);
  // All are analyzed at once, so that nothing is published during the analysis.
  const meanwhile = ['IsInWaves', 'PublishedMeanwhile'];
  expect(entered.filter((name) => meanwhile.includes(name))).toEqual(meanwhile);
  expect(entered.filter((name) => !meanwhile.includes(name))).toEqual([
    'IsDeletion',
    'StartJob',
    'Action',
    'ResolveRepositories',
    'AnyRepositories',
    'CheckWriteAccess',
    'AnalyzeAndPublish',
    'AnalyzeRepositories',
    'RecordAnalysisEnd',
    'RepositoriesAnalyzed',
    'ResolvePullRequests',
    'AnyPullRequests',
    'OpenPullRequests',
    'CompleteJob',
  ]);
  const { executions } = await states.send(
    new ListExecutionsCommand({ stateMachineArn: execution.stateMachineArn! }),
  );
  expect(executions!.length).toBeGreaterThan(0);
  states.destroy();

  const batch = new BatchClient({ ...LOCAL_AWS, endpoint: stack.awsVariables.AWS_ENDPOINT_URL_BATCH! });
  const { jobSummaryList } = await batch.send(
    new ListJobsCommand({
      jobQueue: 'cody-batch-local-job-queue',
      filters: [{ name: 'JOB_NAME', values: [`${byCommand.jobId}-*`] }],
    }),
  );
  expect(jobSummaryList).toHaveLength(2);
  const { jobs } = await batch.send(
    new DescribeJobsCommand({ jobs: jobSummaryList!.map(({ jobId }) => jobId!) }),
  );
  for (const job of jobs!)
    expect(job).toMatchObject({ status: 'SUCCEEDED', parameters: { jobId: byCommand.jobId } });
  batch.destroy();
});

type Line = Record<string, unknown> & { message: string };

/** What CloudWatch Logs has of the job in a group. */
async function logLines(logGroupName: string): Promise<Line[]> {
  const response = await fetch(stack.awsVariables.AWS_ENDPOINT_URL_CLOUDWATCH_LOGS!, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'Logs_20140328.FilterLogEvents',
    },
    body: JSON.stringify({ logGroupName, filterPattern: `"${byCommand.jobId}"` }),
  });
  const { events } = (await response.json()) as { events: { message: string }[] };
  return events.map(({ message }) => JSON.parse(message));
}

test('every log line of a worker and of a step names its job, execution and trace, and the outcome its bill', async () => {
  const { jobId, executionArn } = byCommand;
  const lines = await logLines('/cody-batch/cody-batch-local/worker');
  expect(lines.length).toBeGreaterThan(6);
  for (const line of lines)
    expect(line).toMatchObject({
      ...{ jobId, executionArn, xray_trace_id: TRACE },
      repositoryName: expect.stringMatching(/^local\//),
      batchJobId: expect.stringMatching(/^[\da-f-]{36}$/),
    });
  const outcomes = lines.filter(({ message }) => message === 'outcome');
  expect(outcomes).toHaveLength(2);
  for (const { tokenUsage } of outcomes)
    expect(tokenUsage).toMatchObject({ input: expect.any(Number), output: expect.any(Number) });
  const [ended] = await logLines('/aws/lambda/cody-batch-local-complete-job');
  expect(ended).toMatchObject({ jobId, executionArn });
});

/** A row without what differs from job to job: identifiers, times, branches and who came first. */
function comparable(row: RepositoryResult & { diff?: string }, jobId: string) {
  const text = JSON.stringify(row, (key, value: unknown) => {
    if (
      /(?:At|seconds|timestamp)$/.test(key) ||
      [
        'batchJobId',
        'workerTokenSha256',
        'logs',
        'logStream',
        'pullRequestUrl',
        'pullRequestNumber',
        'tokenUsage',
      ].includes(key) ||
      // The commit names its job, and a schedule may have looked at one of the two by now.
      ['commitSha', 'headSha', 'checks', 'etags'].includes(key)
    )
      return undefined;
    return value;
  });
  return JSON.parse(text.replaceAll(jobId, 'JOB')) as typeof row & { statusKey: string };
}
