import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { FolderArtifacts } from '../../../core/store/folder-artifacts.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cody-batch-artifacts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('twenty writers of one artifact leave one readable file and no temporary files', async () => {
  const store = new FolderArtifacts(folder);
  await Promise.all(Array.from({ length: 20 }, (_, i) => store.write('jobs/a/x.txt', `writer ${i}`)));
  expect(await readdir(path.join(folder, 'jobs/a'))).toEqual(['x.txt']);
  expect(await readFile(path.join(folder, 'jobs/a/x.txt'), 'utf8')).toMatch(/^writer \d+$/);
});

test('a file above the bound of artifacts is refused before it is read, and a pipe does not block', async () => {
  const store = new FolderArtifacts(folder);
  await store.write('jobs/b/thread.json', '{}');
  await truncate(path.join(folder, 'jobs/b/thread.json'), 100 * 1024 ** 3);
  await expect(store.read('jobs/b/thread.json')).rejects.toThrow(
    'The artifact jobs/b/thread.json has more than 67108864 bytes',
  );
  execFileSync('mkfifo', [path.join(folder, 'jobs/b/outcome.json')]);
  await expect(store.read('jobs/b/outcome.json')).rejects.toThrow('is not a file');
});
