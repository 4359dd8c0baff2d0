import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import type { handler as Handler } from '../../lambdas/api/handler.ts';
import { functionContext } from '../../local/function-context.ts';
import { openPage, PAGE_FOLDER } from '../../local/page.ts';
import { CLIENT_ID, type Person, startIssuer, type TestIssuer } from './oidc-issuer.ts';

export type DeployedPage = {
  url: string;
  issuer: TestIssuer;
  /** From now on the authorizer refuses the tokens that it has seen. */
  expireTokens(): void;
  close(): void;
};

/**
 * The page and the API at one address, as CloudFront has them: a configuration with an issuer, the policy that names the
 * issuer's origins, and API Gateway's authorizer before the function.
 */
export async function startDeployedPage(
  handler: typeof Handler,
  people: Readonly<Record<string, Person>>,
): Promise<DeployedPage> {
  const server = http.createServer();
  const home = once(server.listen(0, '127.0.0.1'), 'listening').then(
    () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
  const issuer = await startIssuer(people, home);
  const config = { environment: 'dev', issuer: issuer.url, clientId: CLIENT_ID };
  const page = openPage(PAGE_FOLDER, config, [issuer.url, issuer.otherUrl]);
  const seen = new Set<string>();
  const expired = new Set<string>();
  server.on('request', (request, response) => {
    if (page(request, response)) return;
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    seen.add(token);
    const claims = expired.has(token) ? undefined : issuer.verify(token);
    if (claims || request.url === '/api/health') return void answer(handler, claims, request, response);
    response
      .writeHead(401, { 'content-type': 'application/json', 'www-authenticate': 'Bearer' })
      .end('{"message":"Unauthorized"}');
  });
  return {
    url: await home,
    issuer,
    expireTokens: () => {
      for (const token of seen) expired.add(token);
    },
    close: () => {
      issuer.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  handler: typeof Handler,
  claims: Readonly<Record<string, unknown>> | undefined,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const { pathname, search, searchParams } = new URL(request.url!, 'http://page');
  const body = (await buffer(request)).toString();
  // HTTP APIs turn claims into strings.
  const strings = Object.entries(claims ?? {}).map(([name, value]) => [
    name,
    Array.isArray(value) ? `[${value.join(' ')}]` : String(value),
  ]);
  const event = {
    version: '2.0',
    rawPath: decodeURIComponent(pathname),
    rawQueryString: search.slice(1),
    headers: request.headers,
    ...(search && { queryStringParameters: Object.fromEntries(searchParams) }),
    requestContext: {
      http: { method: request.method, path: pathname, sourceIp: '127.0.0.1' },
      ...(claims && { authorizer: { jwt: { claims: Object.fromEntries(strings) } } }),
    },
    ...(body && { body }),
    isBase64Encoded: false,
  };
  const result = await handler(event as unknown as APIGatewayProxyEventV2, functionContext('api'));
  response
    .writeHead(result.statusCode ?? 200, result.headers as http.OutgoingHttpHeaders)
    .end(Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8'));
}
