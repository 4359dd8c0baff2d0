import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ApiClient } from '../../../cli/connect/api-client.ts';
import { callTool, Fleet, repositoryOfRequest, writeAndSubmit } from '../../support/fleet.ts';
import { git } from '../../support/git.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';

const NAMES = ['a', 'b', 'same', 'silent'];
let fleet: Fleet;
let folder: TemporaryFolder;
let jobId: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  fleet = await Fleet.start({
    names: NAMES,
    script: (request) =>
      repositoryOfRequest(request).endsWith('same')
        ? callTool('task_complete', {
            summary: 'Nothing to do.',
            title: 'Nothing',
            body: 'Nothing.',
            wereChangesNecessary: false,
          })
        : writeAndSubmit(request),
  });
  jobId = await fleet.post(NAMES, { prompt: 'Add a file.' });
  expect((await fleet.ended(jobId)).status).toBe('completed');
});
afterAll(async () => {
  await fleet.close();
  await folder.remove();
});

type Manifest = {
  patches: { repository: string; file: string; baseSha: string; patchSha: string; shape: string }[];
  leftOut: { repository: string; why: string }[];
  cursor?: string;
};

const ask = (search = '') =>
  fetch(`${fleet.stack.api}/jobs/${jobId}/patches.zip${search}`, { redirect: 'manual' });

/** Downloads an archive as a browser does, and checks it by two other programs. */
async function download(search = '') {
  const answer = await ask(search);
  expect(answer.status).toBe(303);
  const url = new URL(answer.headers.get('location')!, fleet.stack.api);
  const sent = await fetch(url);
  expect(sent.status).toBe(200);
  expect(sent.headers.get('content-disposition')).toBe(`attachment; filename="${jobId}-patches.zip"`);
  const into = path.join(folder.path, `d${(await readdir(folder.path)).length}`);
  await mkdir(into);
  const file = path.join(into, 'patches.zip');
  await writeFile(file, Buffer.from(await sent.arrayBuffer()));
  execFileSync('unzip', ['-tq', file]);
  const python =
    'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extractall(sys.argv[2])';
  execFileSync('python3', ['-c', python, file, into]);
  const manifest: Manifest = JSON.parse(await readFile(path.join(into, 'manifest.json'), 'utf8'));
  const files = (await readdir(into)).filter((name) => name.endsWith('.patch')).sort();
  expect(files).toEqual(manifest.patches.map((patch) => patch.file).sort());
  return { manifest, into, url, link: answer.headers.get('link') };
}

const repositories = ({ patches }: Manifest) => patches.map(({ repository }) => repository);

test('the patches of a job come as an archive that other programs read, and each applies to its base commit', async () => {
  const { manifest, into, url, link } = await download();
  expect(repositories(manifest)).toEqual(['local/a', 'local/b', 'local/silent']);
  expect(link).toBeNull();
  for (const { repository, file, baseSha, patchSha, shape } of manifest.patches) {
    expect([patchSha, shape]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), expect.any(String)]);
    const clone = path.join(into, path.basename(repository));
    await mkdir(clone);
    await git(clone, 'init', '-q');
    await git(clone, 'fetch', '-q', `${fleet.stack.gitHub}/${repository}.git`, baseSha);
    await git(clone, 'checkout', '-q', 'FETCH_HEAD');
    await git(clone, 'apply', '--check', path.join(into, file));
  }
  // A signature is of one artifact, one name and one time.
  for (const change of [
    (changed: URL) => changed.searchParams.set('expires', '99999999999'),
    (changed: URL) => changed.searchParams.set('fileName', 'other.zip'),
    (changed: URL) => changed.searchParams.delete('signature'),
    (changed: URL) => {
      changed.pathname = `/artifacts/jobs/${jobId}/request.json`;
    },
    (changed: URL) => {
      changed.pathname = '/artifacts/jobs%2f..%2f..%2fsecret';
    },
  ]) {
    const changed = new URL(url);
    change(changed);
    expect([changed.href, (await fetch(changed)).status]).toEqual([changed.href, 403]);
  }
});

test('some repositories are packed: by name, by result, and page by page with what was left out and why', async () => {
  const named = await download('?repositories=local/same,local/b');
  expect(repositories(named.manifest)).toEqual(['local/b']);
  expect(named.manifest.leftOut).toEqual([
    { repository: 'local/same', why: 'its outcome is unchanged (submitted)' },
  ]);
  const { shape } = (await download()).manifest.patches[0]!;
  expect(repositories((await download(`?shape=${shape}`)).manifest)).toHaveLength(3);

  const found: string[] = [];
  for (let next: string | undefined = '?limit=2'; next !== undefined; ) {
    const { manifest, link } = await download(next);
    found.push(...repositories(manifest));
    next =
      link === null ? undefined : new URL(/^<(.+)>; rel="next"$/.exec(link)![1]!, fleet.stack.api).search;
    expect(manifest.cursor).toBe(next && new URLSearchParams(next).get('cursor')!);
  }
  expect(found).toEqual(['local/a', 'local/b', 'local/silent']);
});

test.each([
  ['?outcome=failed', 404, 'no repository with a patch'],
  ['?cursor=local/zzz', 404, 'no more repositories'],
  ['?cursor=..%2F..', 400, 'owner/name'],
  ['?repositories=local/unknown', 400, 'local/unknown'],
  ['?repositories=local/a&outcome=changed', 400, 'either repositories'],
  ['?limit=0', 400, 'limit'],
])('patches.zip%s is refused with %i', async (search, status, detail) => {
  const answer = await ask(search);
  expect([answer.status, await answer.text()]).toEqual([status, expect.stringContaining(detail)]);
});

test('a patch whose digest is in the URL may be cached for a year, and another digest is not found', async () => {
  const { patchSha } = (await fleet.rows(jobId)).a!;
  const path = `${fleet.stack.api}/jobs/${jobId}/repositories/local/a/diff`;
  const plain = await fetch(path);
  expect(plain.headers.get('cache-control')).toBe('private, no-cache');
  const named = await fetch(`${path}?patchSha=${patchSha}`);
  expect(named.headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
  const text = await named.text();
  expect(text).toBe(await plain.text());
  expect(createHash('sha256').update(text).digest('hex')).toBe(patchSha);
  const other = await fetch(`${path}?patchSha=${'0'.repeat(64)}`);
  expect([other.status, other.headers.get('cache-control'), await other.json()]).toEqual([
    404,
    null,
    expect.objectContaining({ detail: expect.stringContaining(`the present one has ${patchSha}`) }),
  ]);
});

test('a patch, a log and a conversation of more than 4 MiB come from a signed URL, byte for byte', async () => {
  const { artifacts } = (await fleet.rows(jobId)).silent!;
  const fileOf = (key: string) => path.join(fleet.stack.dataFolder, 'artifacts', key);
  const long = Buffer.from('+a line of a patch\r\n\xff'.repeat(205_000), 'latin1');
  const thread = JSON.parse(await readFile(fileOf(artifacts!.thread!), 'utf8'));
  thread.messages[0].content = 'x'.repeat(4_300_000);
  await writeFile(fileOf(artifacts!.diff!), long);
  await writeFile(fileOf(artifacts!.log!), long);
  await writeFile(fileOf(artifacts!.thread!), JSON.stringify(thread));
  const base = `${fleet.stack.api}/jobs/${jobId}/repositories/local/silent`;
  const technical = Buffer.from(JSON.stringify({ view: 'technical', ...thread }));
  const bodies: [string, Buffer, string][] = [
    ['diff', long, 'text/x-diff'],
    ['log', long, 'text/plain; charset=utf-8'],
    ['claude-thread?view=technical', technical, 'application/json'],
  ];
  for (const [what, body, contentType] of bodies) {
    const redirect = await fetch(`${base}/${what}`, { redirect: 'manual' });
    expect([what, redirect.status, redirect.headers.get('cache-control')]).toEqual([what, 303, 'no-store']);
    const etag = redirect.headers.get('etag')!;
    const known = await fetch(`${base}/${what}`, { redirect: 'manual', headers: { 'if-none-match': etag } });
    expect([what, known.status]).toEqual([what, 304]);
    // As a browser, and as curl -L, which does not decompress.
    for (const headers of [{}, { 'accept-encoding': 'identity' }]) {
      const sent = await fetch(`${base}/${what}`, { headers });
      expect([what, sent.status, sent.headers.get('content-type')]).toEqual([what, 200, contentType]);
      const bytes = Buffer.from(await sent.arrayBuffer());
      expect([what, bytes.length]).toEqual([what, body.length]);
      expect(what.startsWith('claude') || bytes.equals(body)).toBe(true);
    }
  }
  const client = new ApiClient(`${fleet.stack.api}/api`);
  expect((await client.getDiff(jobId, 'local/silent'))!.equals(long)).toBe(true);
  expect(JSON.parse((await client.getThread(jobId, 'local/silent'))!.toString())).toEqual(
    JSON.parse(technical.toString()),
  );
  const { messages } = (await client.getReadableThread(jobId, 'local/silent', 'simplified'))!;
  expect(messages[0]!.text).toHaveLength(4_300_000);
});
