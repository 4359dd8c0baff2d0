import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { BatchClient, DescribeJobQueuesCommand } from '@aws-sdk/client-batch';
import { DynamoDBClient, ListTablesCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import { JOB_DEFINITION, JOB_QUEUE } from '../../local/environment.ts';
import { cody, PLAIN_ENVIRONMENT, type ServedStack, serveStack } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { repositoryOf } from '../support/work-trees.ts';

const run = promisify(execFile);

const ANOTHER_USER = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const ANOTHER_VIEW = ['unshare', ...(process.getuid?.() === 0 ? [] : ['--map-root-user']), '--mount'];
const can = (prefix: string[]) => {
  try {
    execFileSync(prefix[0]!, [...prefix.slice(1), 'curl', '--version'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
};
/** Returns a test, or a skipped one with the reason if this machine cannot run it. */
const where = (possible: boolean, reason: string) => (name: string, body: () => Promise<void>) =>
  possible ? test(name, body) : test.skip(`${name} (skipped: ${reason})`, body);
const asAnotherUser = where(can(ANOTHER_USER), 'needs root, setpriv and curl');
const inAnotherView = where(can(ANOTHER_VIEW), 'needs unshare --mount and curl');
const onLinux = where(process.platform === 'linux' && can(['env']), 'needs Linux and curl');

type Call = { url: string; headers: string[]; body?: string };
type Answer = { status: number; text: string };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** A stack that admits its user's processes, and one that needs the secret of them too. */
let open: ServedStack;
let strict: ServedStack;
beforeAll(async () => {
  folder = await temporaryFolder();
  [open, strict] = await Promise.all([serveStack(), serveStack({ args: ['--require-secret'] })]);
});
afterAll(async () => {
  await Promise.all([open?.close(), strict?.close()]);
  await folder?.remove();
});

const secretOf = ({ dataFolder }: ServedStack) => readFileSync(`${dataFolder}/secret`, 'utf8').trim();

/** A request by curl, run by the command `prefix`. */
async function curl(prefix: string[], { url, headers, body }: Call): Promise<Answer> {
  const args = [
    ...['--silent', '--max-time', '20', '--write-out', '\n%{http_code}', url],
    ...headers.flatMap((header) => ['--header', header]),
    ...(body === undefined ? [] : ['--data-binary', body]),
  ];
  const [program, ...rest] = [...prefix, 'curl', ...args];
  const { stdout } = await run(program!, rest, { env: PLAIN_ENVIRONMENT, cwd: '/' });
  const at = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(at + 1)), text: stdout.slice(0, at) };
}

const JSON_TYPE = 'content-type: application/json';
const AWS_JSON = 'content-type: application/x-amz-json-1.0';
const UNSIGNED =
  'authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/any/aws4_request, SignedHeaders=host, Signature=0';

/** For each endpoint, a request that changes or reveals something. */
async function attacks(stack: ServedStack, mark: string): Promise<Record<string, Call>> {
  const { api, gitHub, awsVariables } = stack;
  const shell = ['sh', '-c', `id > ${mark}`];
  return {
    'the version': { url: `${api}/health`, headers: [] },
    'a job with setup': {
      url: `${api}/jobs`,
      headers: [JSON_TYPE],
      body: JSON.stringify({
        prompt: 'x',
        repositories: ['local/a'],
        settings: { setup: [shell.join(' ')] },
      }),
    },
    'a Batch job with a command': {
      url: `${awsVariables.AWS_ENDPOINT_URL_BATCH}/v1/submitjob`,
      headers: [JSON_TYPE],
      body: JSON.stringify({
        jobName: 'x',
        jobQueue: JOB_QUEUE,
        jobDefinition: JOB_DEFINITION,
        containerOverrides: { command: shell },
      }),
    },
    'an execution': {
      url: `${awsVariables.AWS_ENDPOINT_URL_SFN}/`,
      headers: [AWS_JSON, 'x-amz-target: AWSStepFunctions.ListStateMachines'],
      body: '{}',
    },
    'a log': {
      url: `${awsVariables.AWS_ENDPOINT_URL_CLOUDWATCH_LOGS}/`,
      headers: ['content-type: application/x-amz-json-1.1', 'x-amz-target: Logs_20140328.DescribeLogGroups'],
      body: '{}',
    },
    'a row': {
      url: `${awsVariables.AWS_ENDPOINT_URL_DYNAMODB}/`,
      headers: [
        AWS_JSON,
        'x-amz-target: DynamoDB_20120810.PutItem',
        'x-amz-date: 20260101T000000Z',
        UNSIGNED,
      ],
      body: JSON.stringify({ TableName: 'cody-batch-local-jobs', Item: { jobId: { S: 'planted' } } }),
    },
    'a repository': {
      url: `${gitHub}/api/v3/user/repos`,
      headers: [JSON_TYPE],
      body: JSON.stringify({ name: 'planted' }),
    },
    GraphQL: { url: `${gitHub}/api/graphql`, headers: [JSON_TYPE], body: '{"query":"{viewer{login}}"}' },
    'a push': { url: `${gitHub}/local/a.git/info/refs?service=git-receive-pack`, headers: [] },
    'a page': { url: `${gitHub}/local/a/pull/1`, headers: [] },
    'the model': {
      url: `${await modelUrl(stack)}/v1/models`,
      headers: ['x-api-key: any', 'anthropic-version: 2023-06-01'],
    },
  };
}

async function modelUrl({ awsVariables }: ServedStack): Promise<string> {
  const batch = new BatchClient(connectionOf(awsVariables, 'BATCH'));
  const { DescribeJobDefinitionsCommand } = await import('@aws-sdk/client-batch');
  const { jobDefinitions } = await batch.send(new DescribeJobDefinitionsCommand({}));
  batch.destroy();
  const { environment } = jobDefinitions![0]!.containerProperties!;
  return environment!.find(({ name }) => name === 'ANTHROPIC_BASE_URL')!.value!;
}

/** The secret as an SDK finds it in its environment. */
function connectionOf(variables: Record<string, string>, service: string) {
  return {
    region: variables.AWS_REGION!,
    endpoint: variables[`AWS_ENDPOINT_URL_${service}`]!,
    credentials: {
      accessKeyId: variables.AWS_ACCESS_KEY_ID!,
      secretAccessKey: variables.AWS_SECRET_ACCESS_KEY!,
    },
    maxAttempts: 1,
  };
}

const REFUSED = {
  type: 'urn:cody-batch:problem:secret-needed',
  title: 'Secret needed',
  status: 403,
  detail: 'This endpoint needs its secret, which its owner can read in the data folder.',
};

async function expectAllRefused(prefix: string[], stack: ServedStack): Promise<void> {
  const mark = path.join(folder.path, 'mark');
  for (const [what, call] of Object.entries(await attacks(stack, mark))) {
    const { status, text } = await curl(prefix, call);
    expect({ what, status, ...JSON.parse(text) }).toEqual({ what, ...REFUSED });
  }
  const dynamodb = new DynamoDBClient(connectionOf(stack.awsVariables, 'DYNAMODB'));
  const rows = await dynamodb.send(new ScanCommand({ TableName: 'cody-batch-local-jobs' }));
  dynamodb.destroy();
  expect(rows.Items!.filter(({ jobId }) => ['planted'].includes(jobId!.S!))).toEqual([]);
  expect(existsSync(mark)).toBe(false);
}

/** The same requests with the secret, each in the form that clients of the endpoint use. */
async function statusesWithSecret(prefix: string[], stack: ServedStack, secret: string) {
  const bearer = `authorization: Bearer ${secret}`;
  const basic = `authorization: Basic ${Buffer.from(`x:${secret}`).toString('base64')}`;
  const calls: Record<string, Call> = {
    api: { url: `${stack.api}/health`, headers: [bearer] },
    rest: { url: `${stack.gitHub}/api/v3/user`, headers: [`authorization: token ${secret}`] },
    git: { url: `${stack.gitHub}/api/v3/user`, headers: [basic] },
    model: {
      url: `${await modelUrl(stack)}/v1/models`,
      headers: [`x-api-key: ${secret}`, 'anthropic-version: 2023-06-01'],
    },
    states: {
      url: `${stack.awsVariables.AWS_ENDPOINT_URL_SFN}/`,
      headers: [
        AWS_JSON,
        'x-amz-target: AWSStepFunctions.ListStateMachines',
        `x-cody-batch-secret: ${secret}`,
      ],
      body: '{}',
    },
  };
  const statuses: Record<string, number> = {};
  for (const [name, call] of Object.entries(calls)) statuses[name] = (await curl(prefix, call)).status;
  return statuses;
}
const ALL = (status: number) => ({ api: status, rest: status, git: status, model: status, states: status });

asAnotherUser('another user of this machine is refused by every endpoint, and runs nothing', async () => {
  await expectAllRefused(ANOTHER_USER, open);
  expect(await statusesWithSecret(ANOTHER_USER, open, secretOf(open))).toEqual(ALL(200));
  const wrong = secretOf(open).replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
  expect(await statusesWithSecret(ANOTHER_USER, open, wrong)).toEqual(ALL(403));
});

asAnotherUser('another user can neither push to the local GitHub nor read from it', async () => {
  const headers = [JSON_TYPE];
  await curl(['env'], { url: `${open.gitHub}/api/v3/user/repos`, headers, body: '{"name":"pushed"}' });
  const url = `${open.gitHub}/local/pushed.git`;
  const push = `cd "$(mktemp -d)" && git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m a && git push ${url} HEAD:main; s=$?; rm -rf "$PWD"; exit $s`;
  const [program, ...args] = [...ANOTHER_USER, 'sh', '-c', push];
  await expect(
    run(program!, args, { env: { PATH: PLAIN_ENVIRONMENT.PATH, HOME: '/' } }),
  ).rejects.toMatchObject({
    stderr: expect.stringContaining('403'),
  });
  expect((await run('git', ['ls-remote', url])).stdout).toBe('');
});

inAnotherView('a container of the same user is refused without the secret, and served with it', async () => {
  await expectAllRefused(ANOTHER_VIEW, open);
  expect(await statusesWithSecret(ANOTHER_VIEW, open, secretOf(open))).toEqual(ALL(200));
});

onLinux("one's own curl and git need no secret, and with --require-secret they do", async () => {
  for (const url of [`${open.api}/health`, `${open.gitHub}/api/v3/user`])
    expect((await curl(['env'], { url, headers: [] })).status).toBe(200);
  await expectAllRefused(['env'], strict);
  await expect(run('git', ['ls-remote', `${strict.gitHub}/local/a.git`])).rejects.toMatchObject({
    stderr: expect.stringContaining('403'),
  });
});

test('the official clients work with the lines that serve prints, which do not show the secret', async () => {
  const { awsVariables, printed } = strict;
  expect(awsVariables.AWS_SECRET_ACCESS_KEY).toBe(secretOf(strict));
  expect(printed).not.toContain(secretOf(strict));
  expect(statSync(`${strict.dataFolder}/secret`).mode & 0o777).toBe(0o600);
  const [sfn, batch] = [
    new SFNClient(connectionOf(awsVariables, 'SFN')),
    new BatchClient(connectionOf(awsVariables, 'BATCH')),
  ];
  const dynamodb = new DynamoDBClient(connectionOf(awsVariables, 'DYNAMODB'));
  expect((await sfn.send(new ListStateMachinesCommand({}))).stateMachines).toHaveLength(1);
  expect((await batch.send(new DescribeJobQueuesCommand({}))).jobQueues).toHaveLength(1);
  expect((await dynamodb.send(new ListTablesCommand({}))).TableNames).toHaveLength(2);
});

test('a whole job with its pull request works if every service needs the secret', async () => {
  const tree = path.join(folder.path, 'sample');
  await repositoryOf(tree, { 'a.txt': 'oldCall(1)\n' });
  const prompt = "Replace all occurrences of 'oldCall(' with 'newCall('.";
  const args = ['run', '--repo', tree, '--prompt', prompt, '--json', '--yes'];
  const done = await cody([...args, '--data', strict.dataFolder]);
  if (done.status !== 0) throw new Error(done.stderr);
  const { jobId } = JSON.parse(done.stdout);
  const opened = await cody(['pull-requests', jobId, '--json', '--data', strict.dataFolder]);
  if (opened.status !== 0) throw new Error(opened.stderr);
  expect(JSON.parse(opened.stdout).results).toMatchObject([
    { status: 'completed', outcome: 'changed', pullRequest: { state: 'open' } },
  ]);
  for (const file of ['batch', 'artifacts', 'logs'])
    expect(
      execFileSync('sh', ['-c', `grep -rlF "$S" ${strict.dataFolder}/${file} || true`], {
        env: { ...PLAIN_ENVIRONMENT, S: secretOf(strict) },
        encoding: 'utf8',
      }),
    ).toBe('');
});

type Signed = { secret?: string; accessKeyId?: string; date?: Date; unsigned?: string[]; hash?: boolean };

/** A request to the strict DynamoDB that is signed like an SDK's, but sends `sent` instead of what was signed. */
async function signedStatus(options: Signed = {}, sent = '{}', headers: Record<string, string> = {}) {
  const url = new URL(strict.awsVariables.AWS_ENDPOINT_URL_DYNAMODB!);
  const signer = new SignatureV4({
    service: 'dynamodb',
    region: 'us-east-1',
    credentials: {
      accessKeyId: options.accessKeyId ?? 'local',
      secretAccessKey: options.secret ?? secretOf(strict),
    },
    sha256: (await import('@aws-crypto/sha256-js')).Sha256,
    applyChecksum: options.hash ?? true,
  });
  const request = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: url.hostname,
      path: '/',
      headers: {
        host: url.host,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'DynamoDB_20120810.ListTables',
      },
      body: '{}',
    },
    { signingDate: options.date ?? new Date(), unsignableHeaders: new Set(options.unsigned) },
  );
  const { host, ...rest } = request.headers;
  const response = await fetch(url, { method: 'POST', headers: { ...rest, ...headers }, body: sent });
  return response.status;
}

const MINUTE = 60_000;
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * MINUTE);

test('a signature admits only the request that it was made for, only now, and only with the secret', async () => {
  for (const hash of [true, false]) {
    expect(await signedStatus({ hash })).toBe(200);
    expect(await signedStatus({ hash, date: minutesAgo(14) })).toBe(200);
    expect(await signedStatus({ hash, secret: 'local' })).toBe(403);
    expect(await signedStatus({ hash, accessKeyId: 'other' })).toBe(403);
    expect(await signedStatus({ hash }, '{"Limit":1}')).toBe(403);
    expect(await signedStatus({ hash, date: minutesAgo(16) })).toBe(403);
    expect(await signedStatus({ hash, date: minutesAgo(-16) })).toBe(403);
    for (const name of ['host', 'x-amz-target'])
      expect(await signedStatus({ hash, unsigned: [name] })).toBe(403);
    const target = { 'x-amz-target': 'DynamoDB_20120810.DescribeLimits' };
    expect(await signedStatus({ hash }, '{}', target)).toBe(403);
  }
});

test('a browser is admitted by one link, and its cookie is not the secret', async () => {
  const link = (secret: string) => `${strict.api}/sign-in?secret=${secret}`;
  const answer = await fetch(link(secretOf(strict)), { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/']);
  const set = answer.headers.get('set-cookie')!;
  expect(set).toMatch(/; HttpOnly; SameSite=Strict$/);
  expect(set).not.toContain(secretOf(strict));
  const cookie = set.split(';')[0]!;
  const jobs = async (headers: Record<string, string>) =>
    (await fetch(`${strict.api}/jobs`, { headers })).status;
  expect(await jobs({ cookie: `a=b; ${cookie}` })).toBe(200);
  expect(await jobs({ cookie: `${cookie}x` })).toBe(403);
  expect(await jobs({ cookie, origin: 'https://evil.example' })).toBe(403);
  expect((await fetch(link('wrong'), { redirect: 'manual' })).status).toBe(403);
  // A wrong secret does not matter to a client that is admitted without one.
  expect((await fetch(`${open.api}/sign-in?secret=wrong`, { redirect: 'manual' })).status).toBe(404);
});

asAnotherUser('a stolen cookie does not admit another user', async () => {
  const answer = await fetch(`${open.api}/sign-in?secret=${secretOf(open)}`, { redirect: 'manual' });
  const headers = [`cookie: ${answer.headers.get('set-cookie')!.split(';')[0]}`];
  const call = { url: `${open.api}/jobs`, headers };
  expect((await curl(ANOTHER_USER, call)).status).toBe(403);
  expect((await curl(['env'], call)).status).toBe(200);
});
