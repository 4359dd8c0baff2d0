import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { newJobId } from '../../../core/job.ts';
import type { LoopbackServer } from '../../../local/access/loopback.ts';
import { seeded } from '../../support/seeded.ts';
import { openTestTables, type TestTables } from '../../support/stores.ts';

let tables: TestTables;
let api: LoopbackServer;
let folder: string;

/** The API in this process: nothing of these requests may come to what starts anything. */
beforeAll(async () => {
  tables = await openTestTables();
  folder = await mkdtemp(path.join(tmpdir(), 'cody-batch-hostile-'));
  Object.assign(process.env, {
    DYNAMODB_ENDPOINT: tables.settings.DYNAMODB_ENDPOINT,
    DYNAMODB_JOBS_TABLE: tables.settings.jobsTable,
    DYNAMODB_REPOSITORIES_TABLE: tables.settings.repositoriesTable,
    ARTIFACTS_URL: pathToFileURL(folder).href,
    AUTHORIZATION: 'none',
    ALLOWED_REPOSITORIES: 'local/one',
    POWERTOOLS_LOG_LEVEL: 'SILENT',
  });
  const { functionsHere } = await import('../../../local/functions.ts');
  const { startApi } = await import('../../../local/api.ts');
  api = await startApi((event) => functionsHere.answerApi(event), { access: 'anyone' });
});
afterAll(async () => {
  await api?.close();
  await tables?.close();
  await rm(folder, { recursive: true, force: true });
});

const SEED = Number(process.env.SEED ?? 11);
const random = seeded(SEED);
const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
const some = <T>(most: number, make: (i: number) => T): T[] =>
  Array.from({ length: Math.floor(random() * most) + 1 }, (_, i) => make(i));

const JOB = newJobId();
const JSON_TYPE = { 'content-type': 'application/json' };

type Answer = { status: number; type: string; text: string };

async function call(
  method: string,
  route: string,
  body?: string,
  headers: object = JSON_TYPE,
): Promise<Answer> {
  const response = await fetch(`${api.url}${route}`, {
    method,
    ...(body !== undefined && { body, headers: headers as Record<string, string> }),
    ...(body === undefined && headers !== JSON_TYPE && { headers: headers as Record<string, string> }),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text: await response.text(),
  };
}

/** Sends these bytes and reads what comes until the other side ends. */
function raw(bytes: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = net.connect(api.port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', reject).on('close', () => {
      const [head = '', body = ''] = text.split('\r\n\r\n');
      resolve({
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
        type: /^content-type: (.*)$/im.exec(head)?.[1]?.trim() ?? '',
        text: /^transfer-encoding: chunked/im.test(head) ? body.replace(/^[0-9a-f]+\r\n|\r\n0$/gi, '') : body,
      });
    });
  });
}

const request = (line: string, ...headers: string[]) =>
  raw([line, `Host: 127.0.0.1:${api.port}`, ...headers, 'Connection: close', '', ''].join('\r\n'));

/** A problem document that says whose fault it is, and is not itself a burden. */
function expectRefused(what: string, { status, type, text }: Answer): void {
  const shown = what.length > 120 ? `${what.slice(0, 119)}…` : what;
  expect([shown, status >= 400 && status < 500 ? '4xx' : status]).toEqual([shown, '4xx']);
  expect([shown, type]).toEqual([shown, 'application/problem+json']);
  expect(text.length).toBeLessThan(32_768);
  expect(JSON.parse(text)).toMatchObject({
    type: expect.stringMatching(/^urn:cody-batch:problem:[a-z-]+$/),
    title: expect.any(String),
    status,
    detail: expect.any(String),
  });
}

function nested(depth: number): string {
  const [open, close] = pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"prompt":', '}]'],
  ] as const);
  return `${open.repeat(depth)}0${close.repeat(depth)}`;
}

const FIELDS = ['x', 'prompt', 'repositories', 'settings', 'pullRequest', 'name', 'maxCostUsd', '__proto__'];
const POSTS = ['/jobs', `/jobs/${JOB}/pull-requests`];

test(`a body that is nested however deep is refused, in whatever field (SEED=${SEED})`, async () => {
  for (const depth of [33, 100, 1_000, 5_000, 20_000, 100_000]) {
    for (const route of POSTS) {
      const body = `{${JSON.stringify(pick(FIELDS))}:${nested(depth)}}`;
      expectRefused(`${route} ${depth}`, await call('POST', route, body));
      expectRefused(`${route} ${depth} alone`, await call('POST', route, nested(depth)));
    }
  }
});

const SCALARS = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  ' ',
  'x'.repeat(5_000),
  '\u0000',
  '\ud800',
  '../..',
  '__proto__',
  '💥',
];
function anything(depth = 0): unknown {
  const kind = random();
  if (depth > 4 || kind < 0.5) return pick(SCALARS);
  if (kind < 0.75) return some(4, () => anything(depth + 1));
  return Object.fromEntries(
    some(4, () => [pick([...FIELDS, '', '\udc00', 'k'.repeat(300)]), anything(depth + 1)]),
  );
}

test(`a body of any other shape is refused with some of its faults, also where it has 100,000 (SEED=${SEED})`, async () => {
  for (let i = 0; i < 60; i++) {
    const body = JSON.stringify(anything());
    expectRefused(body, await call('POST', '/jobs', body));
  }
  const valid = { prompt: 'Edit.', repositories: ['local/one'] };
  const many = Array.from({ length: 100_000 }, (_, i) => i % 10);
  const bodies: unknown[] = [
    { ...valid, repositories: many },
    { ...valid, ...Object.fromEntries(many.map((_, i) => [`f${i}`, 1])) },
    { ...valid, name: 'lone \ud800' },
    { ...valid, prompt: 'lone \udfff' },
    { ...valid, settings: { verify: ['\ud800'] } },
  ];
  for (const body of bodies)
    expectRefused(JSON.stringify(body).slice(0, 90), await call('POST', '/jobs', JSON.stringify(body)));
  for (const text of [
    '',
    ' ',
    '{',
    '{"prompt":"a","repositories":["local/one"],"maxCostUsd":1e999}',
    '[1,]',
    '{"a":01}',
    '\ufeff{}',
    '"',
    'null',
    '[]',
    '7',
    'NaN',
  ])
    expectRefused(text, await call('POST', '/jobs', text));
});

test('values that no row can hold, or that would take unbounded memory later, are refused at once', async () => {
  const settings = [
    ...[{ maxMinutes: 1e-320 }, { maxCostUsd: 1e-200 }],
    ...[
      '{a,b}'.repeat(50),
      '{1..99999999}',
      '{a,{b,{c,d}}{e,f}{g,h}}{1..80}',
      '{{a..z},{a..z}}{0..9}',
    ].flatMap((glob) => [{ include: [glob] }, { exclude: ['ok', glob] }, { allowProtected: [glob] }]),
  ];
  for (const hostile of settings) {
    const body = JSON.stringify({ prompt: 'x', repositories: ['local/other'], settings: hostile });
    const answer = await call('POST', '/jobs', body);
    expectRefused(body, answer);
    expect(answer.text).toMatch(/settings\.(?:maxMinutes|maxCostUsd|include|exclude|allowProtected)/);
  }
  const tiny = await call(
    'POST',
    '/jobs',
    '{"prompt":"x","repositories":["local/other"],"maxCostUsd":1e-320}',
  );
  expectRefused('maxCostUsd', tiny);
  // The globs of a usual job; the repository is what is refused of it.
  const usual = ['**/*.{ts,tsx,js,jsx}', 'src/{a,b}/{1..9}.txt', '{', 'a\\\\{b', '[{]'];
  const answer = await call(
    'POST',
    '/jobs',
    JSON.stringify({ prompt: 'x', repositories: ['local/other'], settings: { include: usual } }),
  );
  expect(answer.text).toContain('ALLOWED_REPOSITORIES');
});

test(`a cursor of any shape is refused, or gives a page (SEED=${SEED})`, async () => {
  const values = [
    null,
    7,
    '',
    [],
    {},
    'job',
    'x'.repeat(2_100),
    JOB,
    `${JOB}x`,
    '2026-01-01T00:00:00.000Z',
    '2026',
    'failed',
  ];
  const shapes = Array.from({ length: 60 }, () =>
    Object.fromEntries(
      some(4, () => [pick(['jobId', 'createdAt', 'entity', 'status', 'more', '__proto__']), pick(values)]),
    ),
  );
  // Those that only the store would refuse.
  for (const value of ['', 'x'.repeat(2_100)])
    for (const [name, of] of [
      ['entity', 'job'],
      ['status', 'failed'],
    ] as const)
      shapes.push(
        { [name]: of, jobId: value, createdAt: '2026' },
        { [name]: of, jobId: JOB, createdAt: value },
      );
  const cursors = [
    ...shapes.map((shape) => Buffer.from(JSON.stringify(shape)).toString('base64url')),
    ...[null, 1, 'a', [], [[]]].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
    Buffer.from(nested(20_000)).toString('base64url').slice(0, 15_000),
    ...['', '%', '=', '\u0000', 'é', '../', "' OR 1=1"],
  ];
  for (const cursor of cursors) {
    for (const status of ['', '&status=failed']) {
      const answer = await call('GET', `/jobs?cursor=${encodeURIComponent(cursor)}${status}`);
      if (answer.status !== 200) expectRefused(cursor, answer);
    }
  }
  for (const query of [
    'limit=',
    'limit=0',
    'limit=1e9',
    'limit=1&limit=2',
    'limit=x',
    'status=deleting',
    'a=1',
    '__proto__=1',
    '%=%',
  ])
    expectRefused(query, await call('GET', `/jobs?${query}`));
});

test(`a path of any shape is a problem document and never a failure (SEED=${SEED})`, async () => {
  const parts = [
    '/',
    '//',
    '\\',
    '.',
    '..',
    '%',
    '%2f',
    '%2F',
    '%00',
    '%zz',
    '%ff',
    ':',
    '@',
    'jobs',
    JOB,
    'x:99999',
    '?',
    '&',
    '[',
    ']',
    '~',
    '{jobId}',
    'é',
  ];
  const paths = [
    '//',
    '///',
    '/\\',
    '//x:99999/',
    '*',
    ...Array.from({ length: 60 }, () => `/${some(8, () => pick(parts)).join('')}`),
  ];
  for (const target of paths) {
    const answer = await request(`${pick(['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS'])} ${target} HTTP/1.1`);
    if (answer.status === 200) expect(target).toMatch(/jobs/);
    else expectRefused(target, answer);
  }
  for (const target of ['http://[', 'http://127.0.0.1//', 'https://x:y/z', `/${'a'.repeat(12_000)}`])
    expectRefused(target, await request(`GET ${target} HTTP/1.1`));
});

test('a request that is not HTTP, or that is longer than the limit, is refused at once', async () => {
  const lines = [
    'GET',
    'GET /',
    'GET  HTTP/1.1',
    'GET / HTTP/9.9',
    'get / HTTP/1.1',
    '\u0000',
    'GET /\u0001 HTTP/1.1',
    '{}',
  ];
  for (const line of lines) expectRefused(line, await raw(`${line}\r\n\r\n`));
  expectRefused('a header of 20 KB', await request('GET /jobs HTTP/1.1', `X-A: ${'a'.repeat(20_000)}`));
  expectRefused('a broken header', await request('GET /jobs HTTP/1.1', 'no colon'));
  for (const length of ['-1', 'x', '1e9', '1, 2', '99999999999999999999999'])
    expectRefused(
      `content-length ${length}`,
      await request('POST /jobs HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${length}`),
    );
  // 11 MB and 10 GB are claimed, and none of it comes.
  for (const length of [11 * 1024 * 1024, 10 * 1024 ** 3])
    expectRefused(
      `content-length ${length}`,
      await request('POST /jobs HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${length}`),
    );
  expectRefused(
    'both lengths',
    await request('POST /jobs HTTP/1.1', 'Content-Length: 2', 'Transfer-Encoding: chunked'),
  );
  expectRefused(
    'a chunk of no length',
    await raw(
      `POST /jobs HTTP/1.1\r\nHost: 127.0.0.1:${api.port}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    ),
  );
  for (const key of ['', ' '.repeat(300), 'k'.repeat(8_000), '\u00ff'])
    expectRefused(
      `key ${key}`,
      await call('POST', '/jobs', '{"prompt":"a","repositories":["local/one"]}', {
        ...JSON_TYPE,
        'idempotency-key': key,
      }),
    );
});

/** What stands in one place of a path; HTTP clients would resolve dots, so these are sent as written. */
const SEGMENTS = [
  ...['%2e%2e', '..%2f..', '%00', '%ff', '%', '%zz', '-', 'job-', `${JOB}0`, JOB.toLowerCase(), '{jobId}'],
  ...[
    '__proto__',
    'constructor',
    '%F0%9F%92%A5',
    '%ED%A0%80',
    'x'.repeat(300),
    "'%20OR%201=1",
    '%0d%0aX:%20y',
  ],
];
const VALUES = [
  '',
  '0',
  '-1',
  '1e999',
  'NaN',
  '%00',
  '%ff',
  '%ED%A0%80',
  '[]',
  'x'.repeat(5_000),
  '__proto__',
];

/** A path that names nothing that is there. */
const pathOf = (template: string, segment?: string) => {
  const places = template.match(/\{\w+\}/g) ?? [];
  const hostile = Math.floor(random() * places.length);
  return template.replace(/\{(\w+)\}/g, (place, name) =>
    segment !== undefined && place === places[hostile] ? segment : name === 'jobId' ? JOB : 'local',
  );
};

test(`every route refuses hostile paths, queries, bodies and headers (SEED=${SEED})`, async () => {
  const { routes } = await import('../../../lambdas/api/handler.ts');
  let sent = 0;
  for (const [route, { method, path: template, query, body }] of routes.entries()) {
    // Each value meets many routes, and each route many values: a third of the pairs of this seed.
    const third = <T>(values: readonly T[]) => values.filter((_, i) => (i + route + SEED) % 3 === 0);
    const refuse = async (target: string, ...headers: string[]) => {
      sent++;
      expectRefused(
        `${method} ${target} ${headers}`,
        await request(`${method} ${target} HTTP/1.1`, ...headers),
      );
    };
    if (template.includes('{'))
      for (const segment of third(SEGMENTS)) await refuse(pathOf(template, segment));
    for (const other of third(['/', '/x', '//', '/..', '%2f', ';x=1', '%00']))
      await refuse(`${pathOf(template)}${other}`);
    for (const name of ['x', '__proto__', 'constructor', '%00', 'limit[]', '%E2%80%AE'])
      await refuse(`${pathOf(template)}?${name}=${pick(['1', '%ff'])}`);
    const names = query instanceof z.ZodObject ? Object.keys(query.shape) : [];
    for (const name of names) {
      for (const value of third(VALUES)) {
        sent++;
        const target = `${pathOf(template)}?${name}=${value}`;
        const answer = await request(`${method} ${target} HTTP/1.1`);
        // Some of these are a filter or a cursor that finds nothing.
        if (answer.status !== 200) expectRefused(target, answer);
      }
    }
    for (const origin of ['null', 'https://evil.example', 'file://'])
      await refuse(pathOf(template), `Origin: ${origin}`);
    for (const host of ['evil.example', '127.0.0.1', '']) {
      sent++;
      expectRefused(
        `Host ${host}`,
        await raw(`${method} ${pathOf(template)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      );
    }
    for (const wrong of third(['PUT', 'PATCH', 'TRACE', 'OPTIONS', 'PROPFIND'])) {
      sent++;
      expectRefused(`${wrong} ${template}`, await request(`${wrong} ${pathOf(template)} HTTP/1.1`));
    }
    if (!body) continue;
    for (let i = 0; i < 40; i++) {
      sent++;
      const text = JSON.stringify({ ...(anything() as object), x: anything() });
      expectRefused(`${template} ${text}`, await call(method, pathOf(template), text));
    }
    for (const type of ['text/html', 'application/xml', 'application/jsonx', 'multipart/form-data', ';', ''])
      expectRefused(
        `${template} ${type}`,
        await call(method, pathOf(template), '{}', { 'content-type': type }),
      );
  }
  // Whatever routes there are, each of them met its kinds.
  expect(sent).toBeGreaterThan(routes.length * 15);
});

test('after all hostile requests no job was started, and the API still answers', async () => {
  expect(await call('GET', '/jobs')).toMatchObject({ status: 200, text: '{"jobs":[]}' });
  expect((await call('GET', '/health')).status).toBe(200);
});
