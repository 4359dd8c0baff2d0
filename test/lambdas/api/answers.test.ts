import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { parseSettings } from '../../../core/settings.ts';
import { Listings } from '../../../core/store/listings.ts';
import { listRepositories } from '../../../lambdas/api/list-repositories.ts';
import { HttpError, problemResponse } from '../../../lambdas/api/problem.ts';
import { toResponse } from '../../../lambdas/api/route.ts';
import { choose } from '../../../lambdas/choose/choose.ts';
import type { Context } from '../../../lambdas/context.ts';
import { startGitHubProxy } from '../../support/github-proxy.ts';
import { startTestGitHub } from '../../support/github-server.ts';
import { AT } from '../../support/job-row.ts';
import { openTestTables } from '../../support/stores.ts';

/** Of an invocation's answer, as Lambda counts it: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const LAMBDA_BYTES = 6 * 1024 * 1024;
const patch = (bytes: number) => Buffer.from('+a line of a patch\n'.repeat(Math.ceil(bytes / 19)));
const diff = (bytes: Uint8Array) => ({ bytes, contentType: 'text/x-diff' });

test('a response above Lambda’s limit is compressed for a client that accepts gzip', () => {
  for (const bytes of [patch(10_000), patch(16 * 1024 * 1024)]) {
    const response = toResponse(diff(bytes), { 'accept-encoding': 'br, gzip' });
    expect(Buffer.byteLength(JSON.stringify(response))).toBeLessThan(LAMBDA_BYTES);
    const body = Buffer.from(response.body!, 'base64');
    expect((response.headers!['content-encoding'] ? gunzipSync(body) : body).equals(bytes)).toBe(true);
  }
  // Quotes and line ends count twice in what Lambda gives.
  const json = { json: { text: '"\n'.repeat(1_600_000) } };
  const response = toResponse(json, { 'accept-encoding': 'gzip' });
  expect(response.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-type': 'application/json' });
  expect(JSON.parse(gunzipSync(Buffer.from(response.body!, 'base64')).toString())).toEqual(json.json);
});

test('a response that is still too large is refused with advice, and the function does not fail', () => {
  const random = Buffer.from(
    Array.from({ length: 7_000_000 }, (_, i) => (i * 7919 + (i >> 7) * 104_729) % 251),
  );
  for (const headers of [{}, { 'accept-encoding': 'identity' }, { 'accept-encoding': 'gzip;q=0, br' }]) {
    expect(() => toResponse(diff(patch(LAMBDA_BYTES)), headers)).toThrow(
      expect.objectContaining({
        statusCode: 406,
        message: expect.stringMatching(/has 62\d+ bytes.*Accept-Encoding: gzip/),
      }),
    );
  }
  const size = Buffer.byteLength(JSON.stringify(toResponse(diff(random.subarray(0, 4_000_000)), {})));
  expect(size).toBeLessThan(LAMBDA_BYTES);
});

test('pages, readers, choices and processes share one listing of an owner for ten minutes, and are told its age', async () => {
  const github = await startTestGitHub();
  const proxy = await startGitHubProxy(github.url);
  const tables = await openTestTables();
  try {
    for (const name of ['a', 'b', 'c']) await github.client().rest.repos.createInOrg({ org: 'local', name });
    const settings = parseSettings({
      GITHUB_API_URL: proxy.apiUrl,
      ALLOWED_REPOSITORIES: 'local/*',
      GITHUB_TOKEN: 't',
    });
    let seconds = 0;
    const now = () => new Date(Date.parse(AT) + seconds * 1000).toISOString();
    const processes = [0, 1].map(() => new Listings(tables.client, tables.settings));
    const read = async (query: object, listings = processes[0]!) => {
      const event = {
        headers: {},
        queryStringParameters: query,
        requestContext: {},
      } as unknown as APIGatewayProxyEventV2;
      const context = { settings, listings, now } as Context;
      const output = await listRepositories.answer(event, {}, context);
      return (output as { json: unknown }).json;
    };
    const readers = await Promise.all(Array.from({ length: 5 }, () => read({ limit: '2' })));
    for (const page of readers)
      expect(page).toEqual({ repositories: ['local/a', 'local/b'], cursor: 'local/b', listedAt: AT });
    const once = proxy.calls.length;
    expect(once).toBe(2);
    seconds = 59;
    const last = { repositories: ['local/c'], listedAt: AT };
    for (const listings of processes)
      for (const refresh of ['false', 'true'])
        expect(await read({ cursor: 'local/b', refresh }, listings)).toEqual(last);
    expect(proxy.calls).toHaveLength(once);

    const chosen = async (asked = {}, listings = new Listings(tables.client, tables.settings)) => {
      const context = { settings, listings, now } as Context;
      const { repositories } = await choose(['local/*'], context, 60_000, asked);
      return repositories.map(({ repositoryName }) => repositoryName);
    };
    const three = ['local/a', 'local/b', 'local/c'];
    for (const isStart of [false, true]) expect(await chosen({ isStart })).toEqual(three);

    await github.client().rest.repos.createInOrg({ org: 'local', name: 'd' });
    seconds = 599;
    expect(await read({ cursor: 'local/b' }, processes[1])).toEqual(last);
    expect(await chosen()).toEqual(three);
    expect(proxy.calls).toHaveLength(once);
    // A job that starts does not miss a repository that is older than a minute.
    expect(await chosen({ isStart: true })).toEqual([...three, 'local/d']);
    expect(await chosen()).toContain('local/d');
    expect(await read({ cursor: 'local/b', refresh: 'true' })).toEqual({
      repositories: ['local/c', 'local/d'],
      listedAt: now(),
    });
    expect(proxy.calls).toHaveLength(2 * once);
    seconds = 599 + 600;
    expect(await read({ cursor: 'local/c' }, processes[1])).toMatchObject({ listedAt: now() });
    expect(proxy.calls).toHaveLength(3 * once);
  } finally {
    await tables.close();
    await proxy.close();
    await github.close();
  }
});

test('the type of a problem stays what clients match, whatever its title', () => {
  const typeOf = (error: Error) => JSON.parse(problemResponse(error).body!).type;
  const types = [400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 418].map((status) => [
    status,
    typeOf(new HttpError(status, 'No.')),
  ]);
  expect(Object.fromEntries(types)).toEqual({
    400: 'urn:cody-batch:problem:the-request-does-not-fit',
    401: 'urn:cody-batch:problem:not-signed-in',
    403: 'urn:cody-batch:problem:not-allowed',
    404: 'urn:cody-batch:problem:not-found',
    405: 'urn:cody-batch:problem:method-not-allowed',
    406: 'urn:cody-batch:problem:answer-too-long',
    409: 'urn:cody-batch:problem:not-in-this-state',
    410: 'urn:cody-batch:problem:deleted',
    413: 'urn:cody-batch:problem:body-too-long',
    415: 'urn:cody-batch:problem:unsupported-media-type',
    418: 'urn:cody-batch:problem:refused',
  });
  expect(typeOf(new Error('A secret.'))).toBe('urn:cody-batch:problem:internal');
});
