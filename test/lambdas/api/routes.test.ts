import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { registerWorkTrees } from '../../../cli/trees/register.ts';
import { inspectWorkTree } from '../../../cli/trees/work-tree.ts';
import type { JobRow } from '../../../core/job.ts';
import type { Problem } from '../../../lambdas/api/problem.ts';
import { endOfJob } from '../../support/end-of-job.ts';
import { type ServedStack, startStackProcess } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
import { repositoryOf } from '../../support/work-trees.ts';

let stack: ServedStack;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  stack = await startStackProcess();
  await repositoryOf(`${folder.path}/sample`, { 'a.txt': 'one two\n', 'b.txt': 'three\n' });
  await registerWorkTrees([await inspectWorkTree(`${folder.path}/sample`)], stack.gitHub);
});
afterAll(async () => {
  await stack.close();
  await folder.remove();
});

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) {
  const response = await fetch(`${stack.api}${path}`, {
    method,
    ...(body === undefined
      ? { headers }
      : { headers, body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined;
  return { status: response.status, headers: response.headers, text, json };
}

async function runJob(request: object): Promise<JobRow> {
  const created = await call('POST', '/jobs', request);
  expect(created.status).toBe(201);
  return endOfJob(stack.api, created.json.jobId);
}

let made: Promise<JobRow> | undefined;
/** A job that has ended, for the tests that only read one. */
const sampleJob = () => (made ??= runJob({ ...VALID, name: 'Counting', type: 'my-own-slug' }));

const VALID = { prompt: "Replace 'one' with 'two'.", repositories: ['local/sample'] };

test('health reports the version and the state of each dependency', async () => {
  const { status, json } = await call('GET', '/health');
  expect(status).toBe(200);
  expect(json).toMatchObject({
    status: 'ok',
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    dependencies: { tables: 'ok', artifacts: 'ok' },
  });
});

test('every path is below /api too, and every answer forbids a browser to run or frame it', async () => {
  expect((await call('GET', '/api/me')).json).toMatchObject({ roles: ['viewer', 'runner', 'admin'] });
  for (const [path, status] of [
    ['/api/health', 200],
    ['/api/jobs', 200],
    ['/api/api/jobs', 404],
    ['/apijobs', 404],
    ['/jobs/none', 400],
  ] as const) {
    const answer = await call('GET', path);
    expect(answer.status).toBe(status);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  }
});

test('a result is returned with its diff, its conversation in three views, and its log', async () => {
  const job = await sampleJob();
  expect(job).toMatchObject({
    status: 'completed',
    name: 'Counting',
    type: 'my-own-slug',
  });
  expect(job).not.toHaveProperty('prompt');
  expect(job).not.toHaveProperty('repositories');
  const withText = await call('GET', `/jobs/${job.jobId}?include=text&limit=0`);
  expect(withText.json).toMatchObject({ ...VALID, results: [] });
  expect(withText.json).not.toHaveProperty('cursor');

  const path = `/jobs/${job.jobId}/repositories/local/sample`;
  const result = await call('GET', path);
  expect(result.json).toMatchObject({
    repositoryName: 'local/sample',
    status: 'completed',
    outcome: 'changed',
    wereChangesNecessary: true,
    baseBranch: 'main',
    changes: [{ file: 'a.txt', status: 'modified', additions: 1, deletions: 1 }],
    end: 'submitted',
    attempts: 1,
  });
  expect(result.json.logs.length).toBeGreaterThan(0);
  expect((await call('GET', `/jobs/${job.jobId}/repositories/local%2Fsample`)).json).toEqual(result.json);

  const diff = await call('GET', `${path}/diff`);
  expect(diff.headers.get('content-type')).toBe('text/x-diff');
  expect(diff.text).toContain('-one two\n+two two\n');

  const standard = await call('GET', `${path}/claude-thread`);
  const calls = standard.json.messages.flatMap(
    (entry: { toolCalls?: { tool: string; input?: unknown }[] }) => entry.toolCalls ?? [],
  );
  expect(calls.map(({ tool }: { tool: string }) => tool)).toEqual([
    'search_code',
    'edit_file',
    'task_complete',
  ]);
  expect(calls[1].input).toBeUndefined();
  const included = await call('GET', `${path}/claude-thread?includeTool=edit_file`);
  expect(JSON.stringify(included.json)).toContain('"newText":"two"');
  const simplified = await call('GET', `${path}/claude-thread?view=simplified`);
  expect(JSON.stringify(simplified.json)).not.toContain('edit_file');
  const technical = await call('GET', `${path}/claude-thread?view=technical`);
  expect(technical.json.turns[0].tokenUsage.total).toBeGreaterThan(0);
  expect(technical.json.turns[0]).toMatchObject({ stopReason: 'tool_use', seconds: expect.any(Number) });

  expect((await call('GET', `${path}/log`)).text).toContain('local/sample');

  const { json: rows } = await call('GET', `/jobs/${job.jobId}/rows`);
  expect(rows).toEqual({
    jobId: job.jobId,
    run: 1,
    columns: {
      repositoryName: ['local/sample'],
      status: ['completed'],
      run: [1],
      outcome: ['changed'],
      end: ['submitted'],
      changedFiles: [1],
      additions: [1],
      deletions: [1],
      shape: [result.json.shape],
      kin: [result.json.kin],
      patchSha: [result.json.patchSha],
      completedAt: [result.json.completedAt],
    },
  });
  expect(result.json.shape).toMatch(/^1:[0-9a-f]{32}$/);

  for (const route of [
    `/jobs/${job.jobId}`,
    `/jobs/${job.jobId}/rows`,
    path,
    `${path}/diff`,
    `${path}/claude-thread`,
  ]) {
    const answer = async (ifNoneMatch?: string) => {
      const headers: Record<string, string> =
        ifNoneMatch === undefined ? {} : { 'if-none-match': ifNoneMatch };
      const { status, headers: given, text } = await call('GET', route, undefined, headers);
      return { status, etag: given.get('etag'), cache: given.get('cache-control'), isEmpty: text === '' };
    };
    const first = await answer();
    expect(first).toEqual({
      status: 200,
      etag: expect.stringMatching(/^W\/"[\w-]{22}"$/),
      cache: 'private, no-cache',
      isEmpty: false,
    });
    const strong = first.etag!.slice(2);
    for (const known of [first.etag!, strong, `"a,b", ${first.etag}, W/"c"`, '*'])
      expect([route, known, await answer(known)]).toEqual([
        route,
        known,
        { ...first, status: 304, isEmpty: true },
      ]);
    for (const other of ['W/"other"', strong.slice(1, -1), '', ','])
      expect([route, other, await answer(other)]).toEqual([route, other, first]);
  }
});

test('an answer of 1 KiB or more is compressed for a caller that takes gzip, a refusal too', async () => {
  const raw = (path: string, encoding: string) =>
    new Promise<{ encoding: string | undefined; vary: string | undefined; body: Buffer }>((resolve, reject) =>
      get(`${stack.api}${path}`, { headers: { 'accept-encoding': encoding } }, async (response) => {
        const { 'content-encoding': used, vary } = response.headers;
        resolve({ encoding: used, vary, body: await buffer(response) });
      }).on('error', reject),
    );
  const many = Array.from({ length: 60 }, (_, i) => `unknown${i}=1`).join('&');
  for (const path of ['/openapi.json', `/jobs?${many}`]) {
    const plain = await raw(path, 'br, gzip;q=0');
    expect(plain).toMatchObject({ encoding: undefined, vary: 'accept-encoding' });
    const short = await raw(path, 'br;q=1.0, gzip;q=0.5');
    expect(short).toMatchObject({ encoding: 'gzip', vary: 'accept-encoding' });
    expect(short.body.length).toBeLessThan(plain.body.length / 2);
    expect(gunzipSync(short.body).equals(plain.body)).toBe(true);
  }
  expect(await raw('/health', 'gzip')).toMatchObject({ encoding: undefined, vary: undefined });
});

test('jobs are listed newest first, by status, and page by page; owner/* is every repository of that owner', async () => {
  const [first, second] = [await sampleJob(), await runJob({ ...VALID, repositories: ['local/*'] })];
  expect(second).toMatchObject({
    status: 'completed',
    results: [{ repositoryName: 'local/sample', outcome: 'changed' }],
  });
  const page = await call('GET', '/jobs?status=completed&limit=1');
  expect(page.json.jobs.map(({ jobId }: JobRow) => jobId)).toEqual([second.jobId]);
  const next = await call('GET', `/jobs?status=completed&limit=1&cursor=${page.json.cursor}`);
  expect(next.json.jobs.map(({ jobId }: JobRow) => jobId)).toEqual([first.jobId]);
});

test('repositories that a job may name are listed, filtered and page by page', async () => {
  expect((await call('GET', '/repositories')).json).toEqual({
    repositories: ['local/sample'],
    listedAt: expect.any(String),
  });
  expect((await call('GET', '/repositories?filter=SAMP')).json.repositories).toEqual(['local/sample']);
  expect((await call('GET', '/repositories?filter=other')).json.repositories).toEqual([]);
  expect((await call('GET', '/repositories?cursor=local/sample')).json.repositories).toEqual([]);
});

/** What is on disk of a job beside its rows and artifacts: the records of its executions, and its workers' logs. */
async function filesOf(jobId: string): Promise<string[]> {
  const below = async (folder: string) =>
    (await readdir(folder, { recursive: true })).map((name) => `${folder}/${name}`);
  const executions = (await below(`${stack.dataFolder}/states/executions`)).filter((file) =>
    file.includes(jobId),
  );
  const logs: string[] = [];
  for (const file of await below(`${stack.dataFolder}/batch/logs`))
    if (file.endsWith('.log') && (await readFile(file, 'utf8').catch(() => '')).includes(jobId))
      logs.push(file);
  return [...executions, ...logs];
}

test('deleting a job removes its rows and artifacts', async () => {
  const job = await runJob(VALID);
  const path = `/jobs/${job.jobId}`;
  expect((await filesOf(job.jobId)).length).toBeGreaterThanOrEqual(3);
  expect((await call('DELETE', path)).status).toBe(204);
  for (const gone of [path, `${path}/repositories/local/sample`, `${path}/repositories/local/sample/diff`]) {
    expect((await call('GET', gone)).status).toBe(404);
  }
  expect((await call('GET', '/jobs?limit=100')).json.jobs).not.toContainEqual(
    expect.objectContaining({ jobId: job.jobId }),
  );
  const folder = `${stack.dataFolder}/artifacts/jobs/${job.jobId}`;
  await until('the removal of its artifacts', () => !existsSync(folder));
  for (const route of ['cancel', 'retry', 'pull-requests'])
    expect((await call('POST', `${path}/${route}`)).status).toBe(404);
  await until('the removal of its executions and logs', async () => (await filesOf(job.jobId)).length === 0);
  // Deleting it again is answered as the first time while something of it is left.
  await until('the end of its deletion', async () => (await call('DELETE', path)).status === 404);
});

test('a job that has ended cannot be cancelled', async () => {
  const job = await sampleJob();
  const { status, json } = await call('POST', `/jobs/${job.jobId}/cancel`);
  expect(status).toBe(409);
  expect(json.detail).toContain('is already completed');
});

test.each<[string, unknown, string, RegExp]>([
  ['no prompt', { repositories: ['local/a'] }, 'prompt', /expected string/],
  ['a blank prompt', { ...VALID, prompt: '  ' }, 'prompt', /in words/],
  ['no repositories', { prompt: 'x' }, 'repositories', /expected array/],
  ['an empty list', { ...VALID, repositories: [] }, 'repositories', />=1|at least 1/],
  [
    'too many repositories',
    { ...VALID, repositories: Array.from({ length: 101 }, (_, i) => `local/r${i}`) },
    'repositories',
    /at most 100/,
  ],
  ['a name with ..', { ...VALID, repositories: ['local/..'] }, 'repositories.0', /owner\/name/],
  ['a name with a space', { ...VALID, repositories: ['local/a b'] }, 'repositories.0', /owner\/name/],
  [
    'a name with a control character',
    { ...VALID, repositories: ['local/a\u0007'] },
    'repositories.0',
    /owner\/name/,
  ],
  ['a name with a leading dash', { ...VALID, repositories: ['local/-a'] }, 'repositories.0', /owner\/name/],
  [
    'an owner with a leading dash',
    { ...VALID, repositories: ['--upload-pack/a'] },
    'repositories.0',
    /owner\/name/,
  ],
  [
    'a repository that is not allowed',
    { ...VALID, repositories: ['octocat/hello'] },
    'repositories',
    /local\/\*/,
  ],
  ['an unknown field', { ...VALID, promt: 'x' }, 'promt', /no such field/],
  [
    'a parameter that models refuse',
    { ...VALID, settings: { temperature: 0.5 } },
    'settings.temperature',
    /effort/,
  ],
  [
    'a secret that the environment does not allow',
    { ...VALID, settings: { commandSecrets: ['REGISTRY_TOKEN'] } },
    'settings.commandSecrets',
    /no secret/,
  ],
  ['a wrong type', { ...VALID, maxConcurrency: 'ten' }, 'maxConcurrency', /expected number/],
  ['a hostile branch', { ...VALID, pullRequest: { branch: '--force' } }, 'pullRequest.branch', /branch/],
])(
  '%s is refused with the field, what was received and what is expected, and starts nothing',
  async (_what, body, field, expected) => {
    const before = (await call('GET', '/jobs?limit=100')).json.jobs.length;
    const { status, headers, json } = await call('POST', '/jobs', body);
    expect(status).toBe(400);
    expect(headers.get('content-type')).toBe('application/problem+json');
    const problem = json as Problem;
    expect(problem).toMatchObject({ status: 400, type: expect.stringMatching(/^urn:cody-batch:problem:/) });
    expect(problem.errors).toContainEqual(
      expect.objectContaining({ field, expected: expect.stringMatching(expected) }),
    );
    expect((await call('GET', '/jobs?limit=100')).json.jobs).toHaveLength(before);
  },
);

test('a body that is not JSON, of another type, or too long is refused', async () => {
  expect(await call('POST', '/jobs', '{"prompt":')).toMatchObject({
    status: 400,
    json: { detail: expect.stringContaining('not JSON') },
  });
  expect(await call('POST', '/jobs', '<x/>', { 'content-type': 'application/xml' })).toMatchObject({
    status: 415,
  });
  expect(await call('POST', '/jobs', { ...VALID, prompt: 'x'.repeat(1024 * 1024) })).toMatchObject({
    status: 413,
  });
});

test('an unknown route, job, repository or method gets 404 or 405', async () => {
  expect(await call('GET', '/nothing')).toMatchObject({
    status: 404,
    json: { detail: expect.stringContaining('/jobs/{jobId}') },
  });
  expect(await call('GET', '/jobs/job-01ARZ3NDEKTSV4RRFFQ69G5FAV')).toMatchObject({ status: 404 });
  expect(await call('GET', '/jobs/42')).toMatchObject({
    status: 400,
    json: { errors: [{ field: 'path.jobId', received: '42' }] },
  });
  const wrong = await call('DELETE', '/jobs');
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get('allow')).toBe('POST, GET');
  const job = await sampleJob();
  expect(await call('GET', `/jobs/${job.jobId}/repositories/local/other`)).toMatchObject({ status: 404 });
});

test('a web page of another site cannot start a job', async () => {
  const foreign = await call('POST', '/jobs', VALID, {
    'content-type': 'application/json',
    origin: 'https://evil.example',
  });
  expect(foreign).toMatchObject({ status: 403, json: { detail: expect.stringContaining('evil.example') } });
  expect(
    (await call('POST', '/jobs', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })).status,
  ).toBe(403);
  expect((await call('POST', '/jobs', JSON.stringify(VALID), { 'content-type': 'text/plain' })).status).toBe(
    403,
  );
});
