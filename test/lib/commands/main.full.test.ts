import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FakeAccount, startAccount } from '../../support/aws-account.ts';
import { compileCache } from '../../support/compile-cache.ts';

let folder: string;
let account: FakeAccount;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cody-batch-deploy-'));
  account = await startAccount();
  await program('docker', DOCKER);
  await program('npm', `echo "npm $@" >> ${folder}/npm.txt`);
  // Notes what it was asked instead of reaching AWS.
  await program('cdk', `echo "$@" >> ${folder}/cdk.txt`);
});
afterEach(async () => {
  await account.close();
  await rm(folder, { recursive: true, force: true });
});

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
/** A Docker that has a version, and an image with a digest. */
const DOCKER = `case "$1" in version) echo 28.1.0;; image) echo '["node@${DIGEST}"]';; esac`;

/** A program that stands first on PATH. */
async function program(name: string, script: string): Promise<void> {
  const file = path.join(folder, name);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

async function run(...args: string[]) {
  const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder, ...compileCache(), ...account.variables };
  const result = await promisify(execFile)(process.execPath, ['bin/aws.ts', ...args], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
  const cdk = await readFile(path.join(folder, 'cdk.txt'), 'utf8').catch(() => undefined);
  return { ...result, cdk };
}

test('if all checks pass, CDK deploys the environment, and the next steps are printed', async () => {
  account.secrets['cody-batch-dev-claude-api-key'] = 'filled';
  const { code, stdout, cdk } = await run('deploy', '--environment', 'dev', '--context', 'maxVcpus=8');
  expect(code).toBe(0);
  expect(stdout).toContain('✓ Docker: runs, version 28.1.0.');
  expect(stdout).toContain(
    '✓ Credentials: arn:aws:iam::123456789012:user/tester, account 123456789012, region eu-west-1.',
  );
  expect(stdout).toContain('✓ Bootstrap: version 21.');
  expect(stdout).toContain(
    'cody-batch-dev-github-read-token, cody-batch-dev-github-write-token will be created, empty',
  );
  expect(stdout).toContain(
    '✓ Repositories: none allowed, so every job will be refused. Set ALLOWED_REPOSITORIES',
  );
  expect(stdout).toContain('put-secret-value --secret-id cody-batch-dev-claude-api-key');
  expect(stdout).toContain(
    `✓ Base image: node:24-slim@${DIGEST}, the newest; to pin it, set workerBaseImage`,
  );
  expect(cdk).toBe(
    `deploy --context workerBaseImage=node:24-slim@${DIGEST} --context environment=dev --context maxVcpus=8\n`,
  );
});

test.each<[string, () => Promise<void> | void, string]>([
  [
    'no Docker',
    () => program('docker', 'echo "Cannot connect to the Docker daemon." >&2; exit 1'),
    '✗ Docker: does not answer: Cannot connect to the Docker daemon. Docker builds the worker’s image',
  ],
  [
    'credentials that have expired',
    () => {
      account.credentialsError = { code: 'ExpiredToken', message: 'The security token has expired' };
    },
    '✗ Credentials: ExpiredToken: The security token has expired. Log in',
  ],
  [
    'an account that CDK never was in',
    () => {
      account.bootstrapVersion = undefined;
    },
    '✗ Bootstrap: eu-west-1 of this account is not bootstrapped. Run once for this account and region: npx cdk bootstrap.',
  ],
  [
    'a bootstrap that is too old',
    () => {
      account.bootstrapVersion = 5;
    },
    '✗ Bootstrap: version 5, but 6 or newer is needed. Run once',
  ],
  [
    'an empty secret',
    () => {
      account.secrets['cody-batch-dev-claude-api-key'] = 'empty';
    },
    '✗ Secrets: cody-batch-dev-claude-api-key is empty. Fill it',
  ],
  [
    'a secret that is being deleted',
    () => {
      account.secrets['cody-batch-dev-github-read-token'] = 'deleted';
    },
    '✗ Secrets: cody-batch-dev-github-read-token is scheduled for deletion. Restore it: aws secretsmanager restore-secret',
  ],
])('%s is reported before anything is started', async (_, break_, line) => {
  await break_();
  const { code, stderr, cdk } = await run('deploy', '--environment', 'dev');
  expect(stderr.replaceAll("'", '’')).toContain(line);
  expect(stderr).toContain('Nothing was started.');
  expect(code).toBe(2);
  expect(cdk).toBeUndefined();
});

test('a new environment that keeps its data is first deployed without protection, so that a failure can be rolled back', async () => {
  const args = ['deploy', '--environment', 'prod', '--context', 'workerImage=team/worker:7'];
  const { code, stdout, cdk } = await run(...args);
  expect([code, stdout]).toEqual([
    0,
    expect.stringContaining('cody-batch-prod is new. It is deployed twice'),
  ]);
  const pairs = '--context environment=prod --context workerImage=team/worker:7';
  expect(cdk).toBe(`deploy --context deletionProtection=false ${pairs}\ndeploy ${pairs}\n`);
  account.stacks.push('cody-batch-prod');
  expect((await run(...args)).cdk).toBe(`${cdk}deploy ${pairs}\n`);
});

test('a configured digest is the base of the build, and an unreachable registry is reported', async () => {
  const chosen = `node:24-slim@sha256:${'f'.repeat(64)}`;
  const pinned = await run('deploy', '--environment', 'dev', '--context', `workerBaseImage=${chosen}`);
  expect(pinned.stdout).toContain(`✓ Base image: ${chosen}, as cdk.json says.`);
  await program('docker', 'case "$1" in version) echo 28.1.0;; *) echo "no such host" >&2; exit 1;; esac');
  const offline = await run('deploy', '--environment', 'dev');
  expect(offline.stderr).toContain(
    '✗ Base image: the newest digest of node:24-slim could not be read: no such host.',
  );
  expect(offline.code).toBe(2);
});

test('an empty token for pull requests is allowed, and is reported', async () => {
  account.secrets['cody-batch-dev-github-write-token'] = 'empty';
  const { code, stdout } = await run('deploy', '--environment', 'dev');
  expect(stdout).toContain('cody-batch-dev-github-write-token is empty, so no pull request can be opened');
  expect(code).toBe(0);
});

test('an existing worker image needs no Docker', async () => {
  await program('docker', 'exit 1');
  const { code, stdout } = await run(
    'deploy',
    '--environment',
    'dev',
    '--context',
    'workerImage=team/worker:7',
  );
  expect(stdout).toContain('✓ Docker: not needed, the worker');
  expect(code).toBe(0);
});

/** What the page and `/health` of a deployed stack answer. */
async function serving(
  statusOf: (url: string) => number,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const server = http.createServer((request, response) => {
    response.writeHead(statusOf(request.url!)).end('{"status":"failing"}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

test('a deployment builds the page, prints what it made, and looks whether API and page answer', async () => {
  account.stacks.push('cody-batch-dev');
  let health = 200;
  await serving(
    (url) => (url === '/health' ? health : 200),
    async (url) => {
      account.outputs = { ApiUrl: url, PageUrl: `${url}/page`, JobsTable: 'cody-batch-dev-jobs' };
      const good = await run('deploy', '--environment', 'dev');
      expect(good.stdout).toMatch(/JobsTable +cody-batch-dev-jobs/);
      expect(good.stdout).toContain(`✓ Health: ${url}/health answers 200.`);
      expect(good.stdout).toContain(`✓ Page: ${url}/page answers 200.`);
      expect(good.code).toBe(0);
      expect(await readFile(path.join(folder, 'npm.txt'), 'utf8')).toBe('npm run build:web\n');
      health = 503;
      const bad = await run('deploy', '--environment', 'dev');
      expect(bad.stderr).toContain(`✗ Health: ${url}/health answers 503: {"status":"failing"}`);
      expect(bad.code).toBe(1);
    },
  );
});

test('the image of the workers is built alone, from a folder that has all it needs', async () => {
  await program('docker', `echo "$@" > ${folder}/docker.txt; ls "$7" "$7/app" >> ${folder}/docker.txt`);
  const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder, ...compileCache() };
  await promisify(execFile)(process.execPath, ['bin/worker-image.ts', 'team/worker:8'], { env });
  const printed = await readFile(path.join(folder, 'docker.txt'), 'utf8');
  expect(printed).toMatch(/^build --pull --platform linux\/amd64 --tag team\/worker:8 \S+\n/);
  for (const name of ['Dockerfile', 'worker.mjs']) expect(printed).toContain(name);
});

test('a smoke job runs through the deployed API, and its failure is that of the deployment', async () => {
  account.stacks.push('cody-batch-dev');
  const asked: string[] = [];
  let status = 'completed';
  account.api = ({ method, path: rawPath }) => {
    asked.push(`${method} ${rawPath}`);
    return method === 'POST'
      ? { statusCode: 201, body: { jobId: 'job-1' } }
      : { statusCode: 200, body: { status, costUsd: 0.01, error: { message: 'The key is refused.' } } };
  };
  const good = await run('deploy', '--environment', 'dev', '--smoke', 'my-org/service-a');
  expect(good.stdout).toContain('✓ Smoke job: job-1 completed, for $0.01.');
  expect([good.code, asked]).toEqual([0, ['POST /jobs', 'GET /jobs/job-1']]);
  status = 'failed';
  const bad = await run('deploy', '--environment', 'dev', '--smoke', 'my-org/service-a');
  expect(bad.stderr).toContain('✗ Smoke job: job-1 is failed: The key is refused.');
  expect(bad.code).toBe(1);
});

test('destroy first prints what is kept', async () => {
  const dev = await run('destroy', '--environment', 'dev');
  expect(dev.stdout).toContain('This removes cody-batch-dev with all jobs, results, artifacts and secrets');
  const prod = await run('destroy', '--environment', 'prod', '--yes');
  expect(prod.stdout).toContain('the tables cody-batch-prod-jobs and cody-batch-prod-repositories');
  expect(prod.stdout).toContain('update-termination-protection');
  expect(prod.cdk).toBe('destroy --context environment=dev\ndestroy --force --context environment=prod\n');
});

test('hotswap is refused for environments that keep their data', async () => {
  const prod = await run('deploy', '--environment', 'prod', '--hotswap');
  expect([prod.code, prod.cdk]).toEqual([2, undefined]);
  expect(prod.stderr).toContain('--hotswap is only for deploy');
  const dev = await run('deploy', '--environment', 'dev', '--hotswap', '--yes');
  expect(dev.cdk).toBe(
    `deploy --hotswap-fallback --require-approval never --context workerBaseImage=node:24-slim@${DIGEST} --context environment=dev\n`,
  );
});

const REFUSED: [string[], string][] = [
  [['deploy'], 'deploy needs an environment. Name it, such as --environment dev.'],
  [['deploy', '--enviroment', 'dev'], "Unknown option '--enviroment'"],
  [
    ['deploy', '--environment', 'dev', '--only', 'tables'],
    '--only is tables; expected page, functions, worker',
  ],
  [['deploy', '--environment', 'dev', '--smoke', 'service-a'], '--smoke is service-a; expected OWNER/NAME'],
  [['undeploy'], 'There is no command "undeploy". The commands are deploy, synth, diff, destroy.'],
  [['synth', '--context', 'maxVcpus'], '--context maxVcpus is not NAME=VALUE.'],
  [['synth', '--context', 'settings={"MAX_TURN":"3"}'], 'settings.MAX_TURN: is not a setting'],
  [['synth', '--context', 'settings={"MAX_TURNS":"many"}'], 'MAX_TURNS (4 characters)'],
  [['synth', '--context', 'settings={MAX_TURNS:3}'], 'settings: is not JSON'],
  [['synth', '--context', 'settings={"GITHUB_TOKEN":"ghp_x"}'], 'GITHUB_TOKEN: is set by the deployment'],
  [['synth', '--environment', 'Production!'], 'environment: expected 1 to 10 letters and digits'],
  [['synth', '--context', 'workerVcpu=3'], 'environments.dev.workerVcpu: '],
  [
    ['synth', '--context', 'workerMemoryMiB=1024'],
    'workerMemoryMiB is 1024, but with workerVcpu 1 Fargate allows 2048 to 8192 in steps of 1024 MiB.',
  ],
  [['synth', '--context', 'workerBaseImage=node:24-slim'], 'expected NAME@sha256:DIGEST'],
  [['synth', '--context', 'vpcId=vpc-1'], 'Only one of vpcId and subnetIds is set'],
  [
    ['synth', '--context', 'oidcIssuer=https://sso.example.com'],
    'Only one of oidcIssuer and oidcAudience is set',
  ],
];
/** In one process, since most of each is its start. */
const EACH = `
const { main } = await import('./lib/commands/main.ts');
for (const args of JSON.parse(process.argv[1]))
  process.stderr.write(\`status \${await main(args, process.env)}\\0\`);
`;

test('what an option, a setting or a name cannot be is refused by name', async () => {
  const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder, ...compileCache(), ...account.variables };
  const all = JSON.stringify(REFUSED.map(([args]) => args));
  const { stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', EACH, all],
    { env },
  );
  const each = stderr.split('\0').slice(0, -1);
  expect(each).toHaveLength(REFUSED.length);
  for (const [i, [args, line]] of REFUSED.entries()) {
    expect([args, each[i]]).toEqual([args, expect.stringContaining(line)]);
    expect(each[i]).toMatch(/status 2$/);
  }
  expect(stderr).not.toContain('ghp_x');
  expect(existsSync(path.join(folder, 'cdk.txt'))).toBe(false);
});
