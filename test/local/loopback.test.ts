import http from 'node:http';
import Anthropic from '@anthropic-ai/sdk';
import { BatchClient, DescribeJobDefinitionsCommand, paginateListJobs } from '@aws-sdk/client-batch';
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { paginateListExecutions, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import { LOCAL_AWS } from '../support/aws-clients.ts';
import { git } from '../support/git.ts';
import { type ServedStack, startStackProcess } from '../support/stack.ts';

/** A request that changes something, as clients of the endpoint send it, and how to see the change. */
type Endpoint = {
  url: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  /** What exists because of such requests, read by the official client. */
  look(): Promise<string[]>;
};

const JSON_TYPE = { 'content-type': 'application/json' };
const FOREIGN: [string, Record<string, string>][] = [
  ['a foreign Host', { host: 'evil.example' }],
  ['a foreign Host that starts like ours', { host: '127.0.0.1.evil.example' }],
  ['a foreign Origin', { origin: 'https://evil.example' }],
  ['the Origin of a sandboxed page', { origin: 'null' }],
  ['the Origin of another port', { origin: 'http://127.0.0.1:1' }],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['a form with files', { 'content-type': 'multipart/form-data; boundary=x' }],
  ['a form of plain text', { 'content-type': 'text/plain;charset=UTF-8' }],
];
/** The headers of a page on a rebound name, and of a page on another site. */
const PAGES: Record<string, string>[] = [{ host: 'evil.example' }, { origin: 'https://evil.example' }];
const NAMES = ['api', 'states', 'batch', 'dynamodb', 'logs', 'github', 'model'] as const;

let stack: ServedStack;
let endpoints: Record<(typeof NAMES)[number], Endpoint>;

beforeAll(async () => {
  stack = await startStackProcess();
  const { awsVariables } = stack;
  const client = (service: string) => ({
    ...LOCAL_AWS,
    endpoint: awsVariables[`AWS_ENDPOINT_URL_${service}`]!,
  });
  const [sfn, batch] = [new SFNClient(client('SFN')), new BatchClient(client('BATCH'))];
  const dynamodb = new DynamoDBClient(client('DYNAMODB'));
  const gitHub = new Octokit({ baseUrl: `${stack.gitHub}/api/v3` });
  const { jobDefinitions } = await batch.send(new DescribeJobDefinitionsCommand({}));
  const { environment } = jobDefinitions![0]!.containerProperties!;
  const modelUrl = environment!.find(({ name }) => name === 'ANTHROPIC_BASE_URL')!.value!;
  const claude = new Anthropic({ baseURL: modelUrl, apiKey: 'any' });
  const stateMachineArn = 'arn:aws:states:us-east-1:000000000000:stateMachine:cody-batch-local-job';
  const aws = {
    authorization:
      'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/any/aws4_request, SignedHeaders=host, Signature=0',
  };
  const question = {
    model: 'offline',
    max_tokens: 1024,
    messages: [{ role: 'user' as const, content: "Replace 'a' with 'b'." }],
  };
  endpoints = {
    api: {
      url: stack.api,
      path: '/jobs',
      headers: JSON_TYPE,
      body: JSON.stringify({ prompt: "Replace 'a' with 'b'.", repositories: ['local/none'] }),
      look: async () => {
        const { jobs } = (await (await fetch(`${stack.api}/jobs`)).json()) as { jobs: { jobId: string }[] };
        return jobs.map(({ jobId }) => jobId);
      },
    },
    states: {
      url: awsVariables.AWS_ENDPOINT_URL_SFN!,
      path: '/',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'AWSStepFunctions.StartExecution',
      },
      body: JSON.stringify({ stateMachineArn, input: '{"jobId":"none","run":1,"action":"analyze"}' }),
      look: async () => {
        const names: string[] = [];
        for await (const { executions } of paginateListExecutions({ client: sfn }, { stateMachineArn }))
          names.push(...executions!.map(({ name }) => name!));
        return names;
      },
    },
    batch: {
      url: awsVariables.AWS_ENDPOINT_URL_BATCH!,
      path: '/v1/submitjob',
      headers: JSON_TYPE,
      body: JSON.stringify({
        jobName: 'none',
        jobQueue: 'cody-batch-local-job-queue',
        jobDefinition: 'cody-batch-local-job-definition',
      }),
      look: async () => {
        const ids: string[] = [];
        // The API's job of an earlier case has a Batch job too.
        const filters = [{ name: 'JOB_NAME', values: ['none'] }];
        const query = { jobQueue: 'cody-batch-local-job-queue', filters };
        for await (const { jobSummaryList } of paginateListJobs({ client: batch }, query))
          ids.push(...jobSummaryList!.map(({ jobId }) => jobId!));
        return ids;
      },
    },
    dynamodb: {
      url: awsVariables.AWS_ENDPOINT_URL_DYNAMODB!,
      path: '/',
      headers: {
        ...aws,
        'x-amz-date': '20260101T000000Z',
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': 'DynamoDB_20120810.PutItem',
      },
      body: JSON.stringify({ TableName: 'cody-batch-local-jobs', Item: { jobId: { S: 'planted' } } }),
      look: async () => {
        const ids: string[] = [];
        for await (const { Items } of paginateScan(
          { client: dynamodb },
          { TableName: 'cody-batch-local-jobs' },
        ))
          ids.push(...Items!.map(({ jobId }) => jobId!.S!).filter((id) => id === 'planted'));
        return ids;
      },
    },
    logs: {
      url: awsVariables.AWS_ENDPOINT_URL_CLOUDWATCH_LOGS!,
      path: '/',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'Logs_20140328.DescribeLogGroups',
      },
      body: '{}',
      // It only reads.
      look: async () => [],
    },
    github: {
      url: stack.gitHub,
      path: '/api/v3/user/repos',
      headers: JSON_TYPE,
      body: JSON.stringify({ name: 'planted' }),
      look: async () => (await gitHub.rest.repos.listForAuthenticatedUser()).data.map(({ name }) => name),
    },
    model: {
      url: modelUrl,
      path: '/v1/messages',
      headers: { ...JSON_TYPE, 'x-api-key': 'any', 'anthropic-version': '2023-06-01' },
      body: JSON.stringify(question),
      // The model keeps nothing, so the test only checks that its official client is served.
      look: async () => [(await claude.messages.create(question)).role],
    },
  };
});
afterAll(() => stack.close());

/** Unlike fetch, sends any Host. */
function send({ url, path, body }: Endpoint, headers: Record<string, string>, method = 'POST') {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const request = http.request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode!, text }));
    });
    request.once('error', reject);
    request.end(method === 'GET' ? undefined : body);
  });
}

test.each(NAMES)(
  'what a web page could send to %s is refused and does nothing, and its clients are served',
  async (name) => {
    const endpoint = endpoints[name];
    const before = await endpoint.look();
    for (const [what, headers] of FOREIGN) {
      const { status, text } = await send(endpoint, { ...endpoint.headers, ...headers });
      expect({ what, status }).toEqual({ what, status: 403 });
      expect(JSON.parse(text)).toMatchObject({
        type: 'urn:cody-batch:problem:loopback-refused',
        detail: expect.stringMatching(new RegExp(`^(?:offline )?${name}: `)),
      });
    }
    // The guard refuses reads of a page too.
    for (const headers of PAGES) expect((await send(endpoint, headers, 'GET')).status).toBe(403);
    const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    expect((await send(endpoint, preflight, 'OPTIONS')).status).toBe(403);
    expect(await endpoint.look()).toEqual(before);

    const { status } = await send(endpoint, endpoint.headers);
    expect(Math.floor(status / 100)).toBe(2);
    if (name !== 'model' && name !== 'logs') expect((await endpoint.look()).length).toBe(before.length + 1);
  },
);

test("git's protocol is behind the same guard, and git is served", async () => {
  await new Octokit({ baseUrl: `${stack.gitHub}/api/v3` }).rest.repos.createForAuthenticatedUser({
    name: 'for-git',
  });
  const url = `${stack.gitHub}/local/for-git.git`;
  const info: Endpoint = {
    ...endpoints.github,
    path: '/local/for-git.git/info/refs?service=git-receive-pack',
  };
  for (const headers of PAGES) expect((await send(info, headers, 'GET')).status).toBe(403);
  expect(await git('/', 'ls-remote', url)).toBe('');
});
