import { beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { JobRequest } from '../../../core/job.ts';
import { parseSettings } from '../../../core/settings.ts';
import type { RouteInputError } from '../../../lambdas/api/problem.ts';
import type { Context } from '../../../lambdas/context.ts';
import { functionContext } from '../../../local/function-context.ts';

let post: (request: Partial<JobRequest>) => Promise<{ status: number; json: Record<string, unknown> }>;

beforeAll(async () => {
  Object.assign(process.env, {
    ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' },
    ...{ AUTHORIZATION: 'none', ALLOWED_REPOSITORIES: 'acme/*', POWERTOOLS_LOG_LEVEL: 'SILENT' },
    ...{ MAX_TURNS: '100', MAX_JOB_COST_USD: '60', MAX_REPOSITORY_COST_USD: '5', MAX_MINUTES: '50' },
    ...{ MAX_CONCURRENCY: '30', MAX_REPOSITORIES: '40', WORKER_IMAGES: 'default, jdk' },
    MODEL_PRICES: '{"a-gateways": {"input": 1, "output": 5, "cacheWrite": 1.25, "cacheRead": 0.1}}',
    ALLOWED_MODELS: 'claude-sonnet-5-5, a-gateways, no-price',
    // Nothing is asked of it: what is refused is refused before anything is written.
    ...{ DYNAMODB_ENDPOINT: 'http://127.0.0.1:9', ARTIFACTS_URL: 'file:///dev/null/nothing' },
  });
  const { handler } = await import('../../../lambdas/api/handler.ts');
  post = async (request) => {
    const body = JSON.stringify({ prompt: 'Do it.', repositories: ['acme/a', 'acme/b'], ...request });
    const event = {
      ...{ version: '2.0', rawPath: '/jobs', headers: { 'content-type': 'application/json' }, body },
      requestContext: { http: { method: 'POST', path: '/jobs' } },
    } as unknown as APIGatewayProxyEventV2;
    const { statusCode, body: answer } = (await handler(
      event,
      functionContext('api'),
    )) as APIGatewayProxyStructuredResultV2;
    return { status: statusCode!, json: JSON.parse(answer!) };
  };
});

test('a job above the environment’s limits is refused with each field, its value, the limit and the setting', async () => {
  const { status, json } = await post({
    ...{ maxCostUsd: 1_000_000, maxConcurrency: 31, maxRepositories: 41 },
    settings: { maxTurns: 101, maxCostUsd: 10_000, maxMinutes: 1440 },
  });
  expect({ status, errors: json.errors }).toEqual({
    status: 400,
    errors: [
      { field: 'maxRepositories', received: 41, expected: 'at most 40, by the setting MAX_REPOSITORIES' },
      { field: 'maxConcurrency', received: 31, expected: 'at most 30, by the setting MAX_CONCURRENCY' },
      { field: 'maxCostUsd', received: 1e6, expected: 'at most 60, by the setting MAX_JOB_COST_USD' },
      { field: 'settings.maxTurns', received: 101, expected: 'at most 100, by the setting MAX_TURNS' },
      {
        ...{ field: 'settings.maxCostUsd', received: 10_000 },
        expected: 'at most 5, by the setting MAX_REPOSITORY_COST_USD',
      },
      { field: 'settings.maxMinutes', received: 1440, expected: 'at most 50, by the setting MAX_MINUTES' },
    ],
  });
  expect(json.detail).toMatch(/MAX_JOB_COST_USD/);
});

test('a model that is not allowed, or whose price is not known, is refused before anything is spent', async () => {
  const model = async (name: string) => (await post({ settings: { model: name } })).json.detail;
  expect(await model('claude-opus-5-5')).toMatch(
    /model claude-opus-5-5 is not allowed; ALLOWED_MODELS allows/,
  );
  expect(await model('no-price')).toMatch(
    /price of no-price is not known.*MODEL_PRICES.*ALLOW_UNPRICED_MODELS/,
  );
  // The fault of a job that may run is that there is no store here.
  expect((await post({ settings: { model: 'a-gateways' } })).status).toBe(503);
});

test('a worker image that the environment does not have is refused with the names of those that it has', async () => {
  const { status, json } = await post({ settings: { image: 'python' } });
  expect({ status, errors: json.errors }).toEqual({
    status: 400,
    errors: [{ field: 'settings.image', received: 'python', expected: 'one of default, jdk' }],
  });
  expect(json.detail).toMatch(/worker images of this environment are default, jdk/);
  expect((await post({ settings: { image: 'JDK:21' } })).status).toBe(400);
  expect((await post({ settings: { image: 'jdk' } })).status).toBe(503);
});

test('more names than maxRepositories are refused when the job is created, not when it runs', async () => {
  const { status, json } = await post({ maxRepositories: 1 });
  expect({ status, detail: json.detail }).toEqual({
    status: 400,
    detail:
      'The job names 2 repositories, but its maxRepositories is 1. Name fewer, or raise maxRepositories.',
  });
});

const DEFAULTS = { maxConcurrency: 20, maxCostUsd: 50 };
const OF_A_REPOSITORY = { maxTurns: 60, maxCostUsd: 2, maxMinutes: 45 };

/** The faults that `POST /jobs` names of a job with these bounds, under these settings; none where it would run. */
async function faultsOf(variables: object, bounds: object, settings: object): Promise<string[]> {
  const { createJob } = await import('../../../lambdas/api/create-job.ts');
  const body = JSON.stringify({ ...{ prompt: 'Do it.', repositories: ['acme/a'] }, ...bounds, settings });
  const event = {
    ...{ headers: { 'content-type': 'application/json' }, body, requestContext: {} },
  } as unknown as APIGatewayProxyEventV2;
  const jobs = { deletion: () => Promise.reject(new Error('it would run')), expiresAt: () => '' };
  const storage = {
    settings: parseSettings({ ALLOWED_REPOSITORIES: 'acme/*', ...variables }),
    drainState: { get: async () => undefined },
    ...{ jobs, now: () => '2026-01-01T00:00:00.000Z' },
  } as unknown as Context;
  try {
    await createJob.answer(event, {}, storage);
  } catch (error) {
    if ((error as Error).message === 'it would run') return [];
    if (!('faults' in (error as object))) throw error;
    return (error as RouteInputError).faults.map(({ field, expected }) => `${field}: ${expected}`);
  }
  throw new Error('The job was neither refused nor stored.');
}

const times = (bounds: object, factor: number) =>
  Object.fromEntries(Object.entries(bounds).map(([name, value]) => [name, value * factor]));

test.each([
  ['where callers are told apart', { AUTHORIZATION: 'jwt' }],
  ['on one machine', { AUTHORIZATION: 'none' }],
])('%s, a job at every ceiling runs, and one above is refused by each', async (_where, variables) => {
  const isLocal = variables.AUTHORIZATION === 'none';
  const most = isLocal
    ? { maxConcurrency: 10_000, maxCostUsd: 1_000_000 }
    : (times(DEFAULTS, 10) as typeof DEFAULTS);
  const mostOfOne = isLocal
    ? { maxTurns: 1000, maxCostUsd: 10_000, maxMinutes: 1440 }
    : (times(OF_A_REPOSITORY, 10) as typeof OF_A_REPOSITORY);
  expect(await faultsOf(variables, most, mostOfOne)).toEqual([]);
  for (const name of Object.keys(most) as (keyof typeof most)[])
    expect(await faultsOf(variables, { [name]: most[name] + 1 }, {})).toEqual([
      expect.stringMatching(new RegExp(`^${name}: .*${most[name]}`)),
    ]);
  for (const name of Object.keys(mostOfOne) as (keyof typeof mostOfOne)[])
    expect(await faultsOf(variables, {}, { [name]: mostOfOne[name] + 1 })).toEqual([
      expect.stringMatching(new RegExp(`^settings\\.${name}: .*${mostOfOne[name]}`)),
    ]);
});
