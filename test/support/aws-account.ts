import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export type FakeAccount = {
  /** Environment variables that make the AWS SDK call this server. */
  variables: Record<string, string>;
  credentialsError: { code: string; message: string } | undefined;
  bootstrapVersion: number | undefined;
  /** Names of deployed stacks. */
  stacks: string[];
  /** Outputs of deployed stacks. */
  outputs: Record<string, string>;
  /** The template of deployed stacks. */
  template: object;
  /** The answer of the API's function to an event. */
  api: (event: { method: string; path: string }) => { statusCode: number; body: object };
  /** By name; others do not exist. */
  secrets: Record<string, 'filled' | 'empty' | 'deleted'>;
  close(): Promise<void>;
};

/** Answers the calls by which `npm run deploy` checks an account, in the protocols of the SDK's clients. */
export async function startAccount(): Promise<FakeAccount> {
  const server = createServer((request, response) => {
    void answer(account, request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const account: FakeAccount = {
    variables: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'eu-west-1',
    },
    credentialsError: undefined,
    bootstrapVersion: 21,
    stacks: [],
    outputs: {},
    template: {},
    api: () => ({ statusCode: 500, body: {} }),
    secrets: {},
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return account;
}

async function answer(account: FakeAccount, request: IncomingMessage, response: ServerResponse) {
  const body = await text(request);
  const target = request.headers['x-amz-target'];
  if (target === 'secretsmanager.DescribeSecret') {
    const { SecretId } = JSON.parse(body);
    const state = account.secrets[SecretId];
    if (!state) return sendJson(response, 400, { __type: 'ResourceNotFoundException', message: 'not found' });
    return sendJson(response, 200, {
      Name: SecretId,
      ...(state === 'filled' && { VersionIdsToStages: { 'version-1': ['AWSCURRENT'] } }),
      ...(state === 'deleted' && { DeletedDate: 1_700_000_000 }),
    });
  }
  if (request.url?.includes('/functions/')) {
    const { requestContext } = JSON.parse(body);
    const { statusCode, body: answered } = account.api(requestContext.http);
    return sendJson(response, 200, { statusCode, body: JSON.stringify(answered) });
  }
  const action = new URLSearchParams(body).get('Action');
  if (action === 'GetTemplate')
    return sendXml(
      response,
      200,
      `<GetTemplateResponse><GetTemplateResult><TemplateBody>${JSON.stringify(account.template).replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</TemplateBody></GetTemplateResult></GetTemplateResponse>`,
    );
  if (action === 'GetCallerIdentity') {
    if (account.credentialsError) return sendError(response, account.credentialsError);
    return sendXml(
      response,
      200,
      '<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/tester</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
    );
  }
  if (action === 'DescribeStacks') {
    const name = new URLSearchParams(body).get('StackName')!;
    if (name !== 'CDKToolkit') {
      if (!account.stacks.includes(name))
        return sendError(response, {
          code: 'ValidationError',
          message: `Stack with id ${name} does not exist`,
        });
      const outputs = Object.entries(account.outputs)
        .map(
          ([key, value]) =>
            `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
        )
        .join('');
      return sendXml(
        response,
        200,
        `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>${name}</StackName><StackStatus>UPDATE_COMPLETE</StackStatus><Outputs>${outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
      );
    }
    if (account.bootstrapVersion === undefined)
      return sendError(response, {
        code: 'ValidationError',
        message: 'Stack with id CDKToolkit does not exist',
      });
    return sendXml(
      response,
      200,
      `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>CDKToolkit</StackName><Outputs><member><OutputKey>BootstrapVersion</OutputKey><OutputValue>${account.bootstrapVersion}</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
    );
  }
  return sendError(response, { code: 'InvalidAction', message: `${target ?? action}` });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
}

function sendError(response: ServerResponse, { code, message }: { code: string; message: string }): void {
  sendXml(
    response,
    400,
    `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
  );
}

function sendXml(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
}
