import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CLI, cody, PLAIN_ENVIRONMENT } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let deployment: { url: string; server: http.Server };
/** The code that the issuer gave out, with what has to prove it. */
let given: { challenge: string; redirect: string } | undefined;
/** How often a refresh token was used. */
let renewals = 0;
/** The token that the API admits. */
let admitted = '';

beforeAll(async () => {
  folder = await temporaryFolder();
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  deployment = { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
});
afterAll(async () => {
  deployment.server.close();
  await folder.remove();
});

/** An issuer, the page's config.json and the API, at one address. */
function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  const url = new URL(request.url!, deployment.url);
  const send = (status: number, body: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (url.pathname === '/config.json') send(200, { issuer: deployment.url, clientId: 'people' });
  else if (url.pathname === '/.well-known/openid-configuration') {
    send(200, {
      issuer: deployment.url,
      authorization_endpoint: `${deployment.url}/authorize`,
      token_endpoint: `${deployment.url}/token`,
      jwks_uri: `${deployment.url}/keys`,
    });
  } else if (url.pathname === '/authorize') {
    const query = url.searchParams;
    given = { challenge: query.get('code_challenge')!, redirect: query.get('redirect_uri')! };
    const back = new URL(given.redirect);
    back.search = new URLSearchParams({ code: 'the-code', state: query.get('state')! }).toString();
    response.writeHead(302, { location: back.href }).end();
  } else if (url.pathname === '/token') void token(request, send);
  else if (request.headers.authorization === `Bearer ${admitted}`) send(200, { jobs: [] });
  else send(401, { type: 'urn:cody-batch:problem:not-signed-in', detail: 'There is no token.' });
}

async function token(request: http.IncomingMessage, send: (status: number, body: unknown) => unknown) {
  const form = new URLSearchParams(await text(request));
  const isProven =
    form.get('code') === 'the-code' &&
    createHash('sha256').update(form.get('code_verifier')!).digest('base64url') === given?.challenge;
  const isRenewal = form.get('refresh_token') === 'the-refresh-token';
  if (!isProven && !isRenewal) return send(400, { error: 'invalid_grant' });
  if (isRenewal) renewals++;
  admitted = `token-${renewals}`;
  return send(200, {
    access_token: admitted,
    token_type: 'Bearer',
    refresh_token: 'the-refresh-token',
    expires_in: 3600,
  });
}

test('after a sign-in in the browser the token is kept for this user alone, sent, renewed, and forgotten', async () => {
  const environment = { CODY_BATCH_CONFIG_DIR: path.join(folder.path, 'config') };
  const jobs = () => cody(['jobs', '--api', deployment.url, '--json'], environment);
  expect(await jobs()).toMatchObject({ status: 2, stderr: expect.stringContaining('There is no token.') });

  const child = spawn(process.execPath, [CLI, 'login', '--api', deployment.url, '--no-browser'], {
    env: { ...PLAIN_ENVIRONMENT, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = text(child.stdout);
  let told = '';
  for await (const chunk of child.stderr.setEncoding('utf8')) {
    told += chunk;
    const address = /Sign in at (\S+)/.exec(chunk)?.[1];
    // What the browser does: it follows the issuer's redirection to the command.
    if (address) expect(await (await fetch(address)).text()).toContain('You are signed in');
  }
  expect([await printed, told]).toEqual([
    `Signed in at ${deployment.url}.\n`,
    expect.stringContaining('Sign in at'),
  ]);
  expect(given?.redirect).toMatch(/^http:\/\/localhost:5281[789]\/callback$/);

  const file = path.join(environment.CODY_BATCH_CONFIG_DIR, 'tokens.json');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await jobs()).toMatchObject({ status: 0, stdout: '[]\n' });
  expect(renewals).toBe(0);
  // As if the token had been withdrawn or had expired.
  admitted = 'another';
  expect(await jobs()).toMatchObject({ status: 0, stdout: '[]\n' });
  expect(renewals).toBe(1);

  await cody(['logout', '--api', deployment.url], environment);
  expect(await readFile(file, 'utf8')).not.toContain('token-');
  expect((await jobs()).status).toBe(2);
});

test('a context is used until another one is', async () => {
  const environment = { CODY_BATCH_CONFIG_DIR: path.join(folder.path, 'contexts') };
  const run = async (...args: string[]) =>
    (await cody(args, environment)).stdout + (await cody(['context'], environment)).stdout;
  expect(await run('context', 'add', 'prod', deployment.url, '--use')).toMatch(/^\* prod +http/m);
  expect(await run('context', 'use', 'local')).toMatch(/^\* local/m);
  const unknown = await cody(['jobs', '--context', 'dev'], environment);
  expect(unknown).toMatchObject({ status: 2, stderr: expect.stringContaining('there are prod') });
  const insecure = await cody(['jobs', '--api', 'http://example.com'], environment);
  expect(insecure).toMatchObject({ status: 2, stderr: expect.stringContaining('expected the https URL') });
});
