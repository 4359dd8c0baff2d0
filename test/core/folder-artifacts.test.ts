import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { FolderArtifacts } from '../../core/folder-artifacts.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cody-batch-artifacts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('twenty writers of one artifact leave one readable file and no temporary ones', async () => {
  const store = new FolderArtifacts(folder);
  await Promise.all(Array.from({ length: 20 }, (_, i) => store.write('jobs/a/x.txt', `writer ${i}`)));
  expect(await readdir(path.join(folder, 'jobs/a'))).toEqual(['x.txt']);
  expect(await readFile(path.join(folder, 'jobs/a/x.txt'), 'utf8')).toMatch(/^writer \d+$/);
});
