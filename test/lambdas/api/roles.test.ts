import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { STATE_MACHINE_ARN } from '../../../local/environment.ts';
import type { Functions } from '../../../local/functions.ts';
import { faultOfAnswer } from '../../support/described-answers.ts';
import { type ServedStack, startStackProcess } from '../../support/stack.ts';

let stack: ServedStack;
let handler: Functions['answerApi'];

/** The functions as they are deployed: no setting switches sign-in off. */
beforeAll(async () => {
  stack = await startStackProcess();
  Object.assign(process.env, {
    ...stack.awsVariables,
    DYNAMODB_TABLE_PREFIX: 'cody-batch-local',
    ARTIFACTS_URL: pathToFileURL(`${stack.dataFolder}/artifacts`).href,
    STATE_MACHINE_ARN,
    JOB_QUEUE: 'cody-batch-local-job-queue',
    ALLOWED_REPOSITORIES: 'local/*',
    GITHUB_API_URL: `${stack.gitHub}/api/v3`,
    POWERTOOLS_LOG_LEVEL: 'SILENT',
  });
  const { functionsHere } = await import('../../../local/functions.ts');
  handler = (event) => functionsHere.answerApi(event);
});
afterAll(() => stack.close());

type Claims = Record<string, string>;

/** An ID token of Cognito's, its claims made strings as HTTP APIs do. */
const person = (groups?: string): Claims => ({
  aud: '5a1c2d3e4f',
  sub: 'd2a4c6e8-0000-4000-8000-000000000001',
  email: 'ada@example.com',
  email_verified: 'true',
  'cognito:username': 'd2a4c6e8-0000-4000-8000-000000000001',
  token_use: 'id',
  ...(groups && { 'cognito:groups': groups }),
});

/** An access token of Cognito's client credentials grant. */
const machine = (scope: string): Claims => ({
  sub: '7f8g9h0i1j',
  client_id: '7f8g9h0i1j',
  token_use: 'access',
  scope,
});

/** Payload format 2.0: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
function request(
  method: string,
  rawPath: string,
  claims: Claims | undefined,
  { body, headers = {} }: { body?: object; headers?: Record<string, string> } = {},
) {
  const event = {
    version: '2.0',
    routeKey: `${method} /{proxy+}`,
    rawPath,
    rawQueryString: '',
    headers: {
      'content-type': 'application/json',
      host: 'id.execute-api.us-east-1.amazonaws.com',
      ...headers,
    },
    requestContext: {
      accountId: '123456789012',
      apiId: 'id',
      ...(claims && { authorizer: { jwt: { claims, scopes: null } } }),
      domainName: 'id.execute-api.us-east-1.amazonaws.com',
      domainPrefix: 'id',
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'agent' },
      requestId: 'id',
      routeKey: `${method} /{proxy+}`,
      stage: '$default',
      time: '22/Nov/2026:00:00:00 +0000',
      timeEpoch: 1_795_305_600_000,
    },
    ...(body && { body: JSON.stringify(body) }),
    isBase64Encoded: false,
  } satisfies APIGatewayProxyEventV2;
  return event;
}

async function call(
  method: string,
  path: string,
  claims: Claims | undefined,
  body?: object,
  given?: Record<string, string>,
) {
  const {
    statusCode,
    headers,
    body: text,
  } = await handler(
    request(method, path, claims, { ...(body && { body }), ...(given && { headers: given }) }),
  );
  const contentType = String(headers?.['content-type'] ?? '');
  const fault = faultOfAnswer(method, path, { status: statusCode!, contentType, text: text ?? '' });
  if (fault) throw new Error(fault);
  return { status: statusCode, headers, json: text ? JSON.parse(text) : undefined };
}

const JOB = '/jobs/job-01ARZ3NDEKTSV4RRFFQ69G5FAV';
const RESULT = `${JOB}/repositories/local/one`;
const BODY = { prompt: "Replace 'one' with 'two'.", repositories: ['local/one'] };

const READING = [
  '/me',
  '/totals',
  '/repositories',
  '/jobs',
  JOB,
  `${JOB}/rows`,
  `${JOB}/choice`,
  `${JOB}/pull-requests`,
  `${JOB}/pull-requests/history`,
  `${JOB}/execution`,
  `${JOB}/patches.zip`,
  `${JOB}/runs`,
  `${JOB}/reviews`,
  RESULT,
  `${RESULT}/diff`,
  `${RESULT}/claude-thread`,
  `${RESULT}/log`,
];
const ROUTES: [string, string, 'viewer' | 'runner' | 'admin'][] = [
  ...READING.map((path): [string, string, 'viewer'] => ['GET', path, 'viewer']),
  ['POST', '/jobs', 'runner'],
  ['POST', '/repositories/resolve', 'viewer'],
  ['POST', `${JOB}/cancel`, 'runner'],
  ['POST', `${JOB}/retry`, 'runner'],
  ['POST', `${JOB}/revise`, 'runner'],
  ['POST', `${JOB}/repair`, 'runner'],
  ['POST', `${JOB}/continue`, 'runner'],
  ['POST', `${JOB}/reviews`, 'runner'],
  ['POST', `${JOB}/pull-requests`, 'runner'],
  ['DELETE', JOB, 'admin'],
  ['GET', '/admin/audit', 'admin'],
  ['GET', '/admin/drain', 'admin'],
  ['GET', '/admin/pacing', 'admin'],
  ['GET', '/admin/restore-check', 'admin'],
  ['POST', '/admin/backups', 'admin'],
  ['POST', '/admin/cleanup', 'admin'],
  ['POST', '/admin/credentials/GITHUB_TOKEN', 'admin'],
  ['POST', '/admin/drain', 'admin'],
  ['POST', '/admin/resume', 'admin'],
  ['POST', `/admin${JOB}/concurrency`, 'admin'],
  ['POST', `/admin${JOB}/reset`, 'admin'],
  ['POST', `/admin${JOB}/status`, 'admin'],
  ['POST', '/admin/pacing/clear', 'admin'],
];

test.each(ROUTES)('%s %s is for the role %s and more, and for no lesser role', async (method, path, role) => {
  const less = { viewer: '[guests]', runner: '[viewer]', admin: '[viewer runner]' }[role];
  const refused = await call(method, path, person(less));
  expect(refused.status).toBe(403);
  expect(refused.json).toMatchObject({
    type: 'urn:cody-batch:problem:not-allowed',
    detail: expect.stringContaining(`needs the role ${role}; this token has`),
  });
  for (const enough of [`[${role}]`, '[guests admin]']) {
    // None of these jobs exists, and no body is sent: what is asked is found wrong, and who asks is not. One machine has no
    // backups, and no drain begins or ends twice.
    const { status } = await call(method, path, person(enough));
    expect([200, 400, 404, 409]).toContain(status);
  }
});

test('every route names its role, and only the health check and the description are open', async () => {
  const { routes } = await import('../../../lambdas/api/handler.ts');
  const listed = new Set(
    ROUTES.map(
      ([method, path]) =>
        `${method} ${path.replace(JOB, '/jobs/{jobId}').replace('local/one', '{owner}/{name}').replace('GITHUB_TOKEN', '{name}')}`,
    ),
  );
  const open = routes.filter(({ role }) => role === 'open').map(({ path }) => path);
  expect(open).toEqual(['/health', '/openapi.json']);
  const guarded = routes.filter(({ role }) => role !== 'open').map(({ method, path }) => `${method} ${path}`);
  expect(guarded.toSorted()).toEqual([...listed].toSorted());
  expect((await call('GET', '/health', undefined)).status).toBe(200);
});

test('a function that was deployed without its authorizer refuses every request, and names what is missing', async () => {
  for (const event of [
    request('GET', '/jobs', undefined),
    {
      ...request('GET', '/jobs', undefined),
      requestContext: { ...request('GET', '/jobs', {}).requestContext, authorizer: {} },
    },
  ]) {
    const { statusCode, headers, body } = await handler(event as APIGatewayProxyEventV2);
    expect(statusCode).toBe(401);
    expect(headers).toMatchObject({
      'www-authenticate': 'Bearer',
      'content-type': 'application/problem+json',
    });
    expect(JSON.parse(body!).detail).toContain('verified token');
  }
});

test('a caller who sends too many writes is told when to go on, and keeps no other caller from writing', async () => {
  const cancel = (claims: Claims) => call('POST', `${JOB}/cancel`, claims);
  const hasty = { ...machine('cody-batch/runner'), sub: 'hasty', client_id: 'hasty' };
  let refused = await cancel(hasty);
  // A minute that ends in between starts the count again.
  for (let sent = 1; refused.status !== 429 && sent < 121; sent++) refused = await cancel(hasty);
  expect(refused).toMatchObject({
    status: 429,
    json: { type: 'urn:cody-batch:problem:too-many-requests', detail: expect.stringContaining('60 POST') },
  });
  expect(Number(refused.headers!['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(Number(refused.headers!['retry-after'])).toBeLessThanOrEqual(60);
  expect((await call('GET', '/jobs', hasty)).status).toBe(200);
  expect((await cancel(machine('cody-batch/runner'))).status).toBe(404);
});

test('a machine has exactly the role of its scope', async () => {
  expect((await call('GET', '/jobs', machine('cody-batch/viewer'))).status).toBe(200);
  expect((await call('POST', '/jobs', machine('cody-batch/viewer'), BODY)).status).toBe(403);
  expect((await call('DELETE', JOB, machine('cody-batch/viewer cody-batch/runner'))).status).toBe(403);
  expect((await call('DELETE', JOB, machine('other/x cody-batch/admin'))).status).toBe(404);
});

test('a scope in a person’s token gives no role, because any client may request it', async () => {
  const asked = { scope: 'openid cody-batch/admin', client_id: 'a-page' };
  expect((await call('DELETE', JOB, { ...person('[viewer]'), ...asked })).status).toBe(403);
  expect((await call('GET', '/jobs', { ...person(), ...asked })).status).toBe(403);
});

test('names that only look like a role give no role', async () => {
  for (const groups of [
    '[]',
    '[administrators]',
    '[Admin]',
    'viewers',
    '[toString __proto__]',
    '[x,admin]',
    '[cody-batch/admin]',
  ])
    expect([groups, (await call('GET', '/jobs', person(groups))).status]).toEqual([groups, 403]);
  for (const scope of [
    'admin',
    'cody-batch/',
    'cody-batch/root',
    'cody-batch/admin2',
    'other/cody-batch/admin',
  ])
    expect([scope, (await call('GET', '/jobs', machine(scope))).status]).toEqual([scope, 403]);
  expect((await call('GET', '/jobs', person('viewer'))).status).toBe(200);
});

test('groups of another issuer are roles only with this product’s prefix, even in a name with a space', async () => {
  const { authorize } = await import('../../../lambdas/api/authorization.ts');
  /** API Gateway makes one string of the list, and passes the token on as it came. */
  const asking =
    (list: string, role: 'viewer' | 'admin', names = list.slice(1, -1).split(' ')) =>
    () => {
      const event = request('GET', '/jobs', { sub: 'ada', groups: list, 'cognito:groups': '[admin]' });
      const payload = Buffer.from(JSON.stringify({ sub: 'ada', groups: names })).toString('base64url');
      authorize(
        {
          ...event,
          headers: { ...event.headers, authorization: `Bearer e30.${payload}.c2ln` },
        } as APIGatewayProxyEventV2,
        { method: 'GET', path: '/jobs', role },
        { AUTHORIZATION: 'jwt', ROLES_CLAIM: 'groups' },
      );
    };
  expect(asking('[staff cody-batch/viewer]', 'viewer')).not.toThrow();
  expect(asking('[staff cody-batch/viewer]', 'admin')).toThrow('needs the role admin; this token has viewer');
  expect(asking('[Finance admin]', 'viewer')).toThrow('this token has none');
  // One group, whose name was chosen to look like two.
  expect(asking('[x cody-batch/admin]', 'admin', ['x cody-batch/admin'])).toThrow('this token has none');
  expect(asking('[cody-batch/admin]', 'admin')).not.toThrow();
});

test('a job records its creator: a person by verified address, a machine by its client', async () => {
  const createdBy = async (claims: Claims) => {
    const { status, json } = await call('POST', '/jobs', claims, BODY);
    expect(status).toBe(201);
    return json.createdBy;
  };
  expect(await createdBy(person('[runner]'))).toBe('ada@example.com');
  expect(await createdBy({ ...person('[runner]'), email_verified: 'false' })).toBe(person().sub);
  const { email_verified: _, ...unsaid } = person('[runner]');
  expect(await createdBy(unsaid)).toBe(person().sub);
  expect(await createdBy({ ...unsaid, sub: 'ada@example.com' })).toBe('sub:ada@example.com');
  expect(await createdBy({ ...person('[runner]'), email: `${'a'.repeat(500)}@x` })).toBe(person().sub);
  expect(await createdBy(machine('cody-batch/runner'))).toBe('7f8g9h0i1j');
});

test("an address that was not verified does not answer another person's Idempotency-Key", async () => {
  const key = { 'idempotency-key': 'a-key-of-ada' };
  const post = async (claims: Claims) => (await call('POST', '/jobs', claims, BODY, key)).json.jobId;
  const own = await post(person('[runner]'));
  expect(await post(person('[runner]'))).toBe(own);
  const others: Claims[] = [{}, { email_verified: '0' }, { email: '', sub: 'ada@example.com' }];
  for (const claims of others) {
    const { email_verified: _, ...unsaid } = person('[runner]');
    const jobId = await post({ ...unsaid, sub: 'e3b5d7f9-0000-4000-8000-000000000002', ...claims });
    expect(jobId).toMatch(/^job-/);
    expect(jobId).not.toBe(own);
  }
});
