import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type ArtifactStore, openArtifacts, readArtifact, writeArtifact } from '../../core/artifacts.ts';

let folder: string;
let store: ArtifactStore;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cody-batch-artifacts-'));
  store = openArtifacts(pathToFileURL(folder).href);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a reader sees the old bytes or the new ones, and never a part, while twenty writers replace an artifact', async () => {
  const body = (i: number) => Buffer.alloc(200_000, i);
  await store.write('jobs/a/x', body(0));
  const writers = Array.from({ length: 20 }, (_, i) => store.write('jobs/a/x', body(i + 1)));
  const readers = Array.from({ length: 20 }, () => store.read('jobs/a/x'));
  await Promise.all(writers);
  for (const read of await Promise.all(readers)) expect(new Set(read).size).toBe(1);
  expect(await readdir(path.join(folder, 'jobs/a'))).toEqual(['x']);
});

test('what is absent is undefined, or an error that names it', async () => {
  expect(await store.read('jobs/none')).toBeUndefined();
  await expect(readArtifact(store, 'jobs/none', z.unknown())).rejects.toThrow(
    'The artifact jobs/none does not exist',
  );
});

test('a key that leads out of the store is refused', async () => {
  await expect(store.write('../outside', 'x')).rejects.toThrow('leaves the store');
  await expect(store.read('jobs/../../outside')).rejects.toThrow('leaves the store');
});

test('removing a prefix removes what is below it, and nothing beside it', async () => {
  await writeArtifact(store, 'jobs/b/one.json', { a: 1 });
  await writeArtifact(store, 'jobs/bb/one.json', { a: 2 });
  await store.removeAll('jobs/b/');
  expect(await store.read('jobs/b/one.json')).toBeUndefined();
  expect(await readArtifact(store, 'jobs/bb/one.json', z.object({ a: z.number() }))).toEqual({ a: 2 });
});

test('an address of another kind is refused', () => {
  expect(() => openArtifacts('http://example.com')).toThrow('expected s3://bucket or file:///folder');
});
