import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { callTool, Fleet, repositoryOfRequest, writeAndSubmit } from '../../support/fleet.ts';
import { git } from '../../support/git.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';

const NAMES = ['a', 'b', 'c', 'same', 'silent'];
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
  expect(repositories(manifest)).toEqual(['local/a', 'local/b', 'local/c', 'local/silent']);
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
  expect(repositories((await download(`?shape=${shape}`)).manifest)).toHaveLength(4);

  const found: string[] = [];
  for (let next: string | undefined = '?limit=3'; next !== undefined; ) {
    const { manifest, link } = await download(next);
    found.push(...repositories(manifest));
    next =
      link === null ? undefined : new URL(/^<(.+)>; rel="next"$/.exec(link)![1]!, fleet.stack.api).search;
    expect(manifest.cursor).toBe(next && new URLSearchParams(next).get('cursor')!);
  }
  expect(found).toEqual(['local/a', 'local/b', 'local/c', 'local/silent']);
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
