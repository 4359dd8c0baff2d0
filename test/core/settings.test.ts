import { expect, test } from '@jest/globals';
import { parseSettings } from '../../core/settings.ts';
import { createOctokit } from '../../lambdas/github/octokit.ts';
import { listenOnLoopback } from '../../local/access/loopback.ts';
import { startSecretsManager } from '../support/secrets-manager.ts';

test('the original’s names still work, and explicit table names win over the prefix', () => {
  const settings = parseSettings({
    DYNAMODB_TABLE_PREFIX: 'cody-batch-prod',
    DYNAMODB_REPOSITORIES_TABLE: 'my-repositories',
    ALLOWED_REPOSITORIES: 'octocat/*, acme/service',
    CLAUDE_MAX_TOKENS: '32000',
    TEMP_DIR: '/scratch',
  });
  expect(settings).toMatchObject({
    jobsTable: 'cody-batch-prod-jobs',
    repositoriesTable: 'my-repositories',
    ALLOWED_REPOSITORIES: ['octocat/*', 'acme/service'],
    CLAUDE_MAX_TOKENS: 32_000,
    TEMP_DIR: '/scratch',
    CLAUDE_MODEL: 'claude-sonnet-5-5',
    MAX_REPOSITORIES: 100,
  });
});

test('a job without limits has the defaults, no job exceeds the ceilings, and one of both settings is enough', () => {
  expect(parseSettings({})).toMatchObject({
    ...{ DEFAULT_TURNS: 60, MAX_TURNS: 600, DEFAULT_JOB_COST_USD: 50, MAX_JOB_COST_USD: 500 },
    ...{ DEFAULT_REPOSITORY_COST_USD: 2, MAX_REPOSITORY_COST_USD: 20 },
    ...{ DEFAULT_MINUTES: 45, MAX_MINUTES: 450, DEFAULT_CONCURRENCY: 20, MAX_CONCURRENCY: 200 },
  });
  // Without authorization, the only caller is the owner of the machine.
  expect(parseSettings({ AUTHORIZATION: 'none' })).toMatchObject({
    ...{ DEFAULT_TURNS: 60, MAX_TURNS: 1000, DEFAULT_JOB_COST_USD: 50, MAX_JOB_COST_USD: 1_000_000 },
  });
  expect(parseSettings({ MAX_JOB_COST_USD: '5' })).toMatchObject({ DEFAULT_JOB_COST_USD: 5 });
  expect(parseSettings({ DEFAULT_TURNS: '200' })).toMatchObject({ DEFAULT_TURNS: 200, MAX_TURNS: 1000 });
  expect(() => parseSettings({ DEFAULT_TURNS: '20', MAX_TURNS: '10' })).toThrow(
    /DEFAULT_TURNS is 20, and MAX_TURNS is 10/,
  );
});

test.each([
  ['http://127.0.0.1:8000', true],
  ['http://localhost:8000/v1', true],
  ['http://[::1]:8000', true],
  ['https://gateway.example.com/claude', true],
  ['localhost:8000', false],
  ['http://gateway.example.com', false],
  ['http://0.0.0.0:3640', false],
  ['http://localhost.example.com', false],
  ['https://user:hunter2@gateway.example.com', false],
  ['https://key@gateway.example.com', false],
  ['https://gateway.example.com/?key=hunter2', false],
  ['ftp://example.com', false],
  ['file:///etc/passwd', false],
])('no key travels in clear, and no password in an address: %s', (address, isAdmitted) => {
  for (const name of [
    'ANTHROPIC_BASE_URL',
    'ANTHROPIC_BEDROCK_BASE_URL',
    'DYNAMODB_ENDPOINT',
    'GITHUB_API_URL',
    'PUBLIC_URL',
  ]) {
    const parse = () => parseSettings({ [name]: address });
    if (isAdmitted) expect(parse()).toMatchObject({ [name]: address });
    else expect(parse).toThrow(new RegExp(`${name} \\(${address.length} characters\\): expected `));
    if (!isAdmitted) expect(parse).not.toThrow(/hunter2/);
  }
});

test("the operator's prices are read, and refused if a rate is missing or invalid", () => {
  const price = { input: 3, output: 15, cacheWrite: 3.75, cacheRead: 0.3 };
  const parse = (value: unknown) => parseSettings({ MODEL_PRICES: JSON.stringify(value) });
  expect(parse({ 'a-model': price }).MODEL_PRICES).toEqual({ 'a-model': price });
  for (const wrong of [{ input: 3, output: 15 }, { ...price, input: -1 }, { ...price, cacheRaed: 1 }, 3])
    expect(() => parse({ 'a-model': wrong })).toThrow(/MODEL_PRICES/);
  expect(() => parseSettings({ MODEL_PRICES: '{' })).toThrow(/MODEL_PRICES .*expected JSON/);
});

test('a default model that jobs may not use is refused at the start', () => {
  expect(() => parseSettings({ ALLOWED_MODELS: 'claude-haiku-5-5' })).toThrow(
    /CLAUDE_MODEL is claude-sonnet-5-5, which is not among ALLOWED_MODELS \(claude-haiku-5-5\)/,
  );
});

test.each([
  [{ MAX_TURNS: 'many' }, /MAX_TURNS \(4 characters\): expected number\./],
  [{ CLAUDE_TEMPERATURE: '0.5' }, /CLAUDE_TEMPERATURE .*CLAUDE_EFFORT/],
  [{ ALLOWED_REPOSITORIES: 'everything' }, /ALLOWED_REPOSITORIES .*owner\/name/],
  [{ GITHUB_API_URL: 'github' }, /GITHUB_API_URL .*URL/i],
])('a setting that does not fit, %j, is refused by its name', (variables, message) => {
  expect(() => parseSettings(variables)).toThrow(message);
});

test('a refused value is not printed, because it could be a secret in the wrong variable', () => {
  let message = '';
  try {
    parseSettings({ MAX_TURNS: 'sk-ant-secret' });
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toContain('MAX_TURNS');
  expect(message).not.toContain('sk-ant-secret');
});

test('both names of the Claude key work, an empty variable counts as absent, and the write token falls back', async () => {
  const settings = parseSettings({ CLAUDE_API_KEY: '', ANTHROPIC_API_KEY: 'the key', GITHUB_TOKEN: 'reads' });
  expect(await settings.secret('CLAUDE_API_KEY')).toBe('the key');
  expect(await settings.secret('GITHUB_WRITE_TOKEN')).toBe('reads');
  expect(await parseSettings({}).secret('CLAUDE_API_KEY')).toBeUndefined();
});

test('a secret without a value is named with the command that fills it, and is read after that', async () => {
  const values: Record<string, string> = {};
  const server = await startSecretsManager(values);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: server.url,
    ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' },
  });
  try {
    const { secret } = parseSettings({ GITHUB_TOKEN_SECRET_ID: 'cody-batch-dev-github-read-token' });
    await expect(secret('GITHUB_TOKEN')).rejects.toMatchObject({
      name: 'SettingsError',
      message: expect.stringContaining('put-secret-value --secret-id cody-batch-dev-github-read-token'),
    });
    values['cody-batch-dev-github-read-token'] = 'the value';
    expect(await secret('GITHUB_TOKEN')).toBe('the value');
  } finally {
    delete process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER;
    await server.close();
  }
});

test('a secret for setup is read by name, if the environment allows it and it can be redacted', async () => {
  const service = await startSecretsManager({ 'team/registry': 'registry-password\n' });
  process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER = service.url;
  try {
    const { COMMAND_SECRETS, commandSecret } = parseSettings({
      COMMAND_SECRETS: 'REGISTRY_PASSWORD, INDEX_TOKEN,SHORT,LINES,ABSENT',
      REGISTRY_PASSWORD_SECRET_ID: 'team/registry',
      INDEX_TOKEN: 'index-token-1',
      SHORT: 'seven77',
      LINES: 'first line\nsecond line',
      OTHER: 'never-allowed',
    });
    expect(COMMAND_SECRETS).toHaveLength(5);
    expect(await commandSecret('REGISTRY_PASSWORD')).toBe('registry-password');
    expect(await commandSecret('INDEX_TOKEN')).toBe('index-token-1');
    const refusals = {
      SHORT: /7 characters/,
      LINES: /several lines/,
      ABSENT: /no value/,
      OTHER: /asks for OTHER/,
    };
    for (const [name, message] of Object.entries(refusals)) {
      const error = await commandSecret(name).catch((caught: Error) => caught);
      expect(error).toMatchObject({ name: 'SettingsError', message: expect.stringMatching(message) });
      expect((error as Error).message).not.toMatch(/seven77|second|never-allowed/);
    }
  } finally {
    delete process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER;
    await service.close();
  }
});

test.each(['GITHUB_TOKEN', 'AWS_SECRET_ACCESS_KEY', 'PATH', 'LD_PRELOAD', 'MAX_TURNS', 'A_SECRET_ID', 'a-b'])(
  'COMMAND_SECRETS cannot hand %s to the commands of a job',
  (name) => {
    expect(() => parseSettings({ COMMAND_SECRETS: name })).toThrow(/COMMAND_SECRETS \(\d+ characters\)/);
  },
);

test('a secret is trimmed, and a key of several lines keeps its line feeds', async () => {
  const pem = '-----BEGIN KEY-----\nabc\ndef\n-----END KEY-----';
  const secrets = { token: 'ghp_example\n', key: `${pem}\n` };
  const service = await startSecretsManager(secrets);
  process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER = service.url;
  try {
    const { secret } = parseSettings({
      GITHUB_TOKEN_SECRET_ID: 'token',
      GITHUB_APP_PRIVATE_KEY_SECRET_ID: 'key',
      CLAUDE_API_KEY: 'sk-ant-example\r\n',
    });
    expect(await secret('GITHUB_TOKEN')).toBe('ghp_example');
    expect(await secret('GITHUB_APP_PRIVATE_KEY')).toBe(pem);
    expect(await secret('CLAUDE_API_KEY')).toBe('sk-ant-example');
  } finally {
    delete process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER;
    await service.close();
  }
});

test('a rotated token is read after 5 minutes, and at once if GitHub refused the old one', async () => {
  const secrets = { token: 'the first' };
  const service = await startSecretsManager(secrets);
  const gitHub = await listenOnLoopback(
    (request, response) => {
      const status = request.headers.authorization?.includes('the second') ? 401 : 200;
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    },
    { access: 'anyone', name: 'github' },
  );
  process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER = service.url;
  let clock = 0;
  try {
    const settings = parseSettings(
      { GITHUB_TOKEN_SECRET_ID: 'token', GITHUB_API_URL: gitHub.url },
      () => clock,
    );
    const token = () => settings.secret('GITHUB_TOKEN');
    expect(await token()).toBe('the first');
    secrets.token = 'the second';
    clock = 299_999;
    expect(await token()).toBe('the first');
    clock = 300_000;
    expect(await token()).toBe('the second');

    secrets.token = 'the third';
    expect(await token()).toBe('the second');
    const client = createOctokit(settings, await token());
    await expect(client.request('GET /user')).rejects.toMatchObject({ status: 401 });
    expect(await token()).toBe('the third');
  } finally {
    delete process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER;
    await service.close();
    await gitHub.close();
  }
});
