import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { inParallel } from '../../../core/in-parallel.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import type { ArtifactStore } from '../../../core/store/artifact-store.ts';
import {
  findArtifact,
  findArtifactOfRun,
  openArtifacts,
  readArtifact,
  writeArtifact,
} from '../../../core/store/artifacts.ts';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { openTestArtifacts } from '../../support/stores.ts';

let store: ArtifactStore;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ store, close } = await openTestArtifacts());
});
afterAll(() => close());

test('while twenty writers replace an artifact, a reader gets one of the versions, complete', async () => {
  const body = (i: number) => Buffer.alloc(200_000, i);
  await store.write('jobs/a/x', body(0));
  const writers = Array.from({ length: 20 }, (_, i) => store.write('jobs/a/x', body(i + 1)));
  const readers = Array.from({ length: 20 }, () => store.read('jobs/a/x'));
  await Promise.all(writers);
  for (const read of await Promise.all(readers)) {
    expect(read).toHaveLength(200_000);
    expect(new Set(read).size).toBe(1);
  }
});

test('a missing artifact is undefined, or an error that names it', async () => {
  expect(await store.read('jobs/none')).toBeUndefined();
  expect(await store.read('jobs/a/')).toBeUndefined();
  await expect(readArtifact(store, 'jobs/none', z.unknown())).rejects.toThrow(
    'The artifact jobs/none does not exist',
  );
});

test('a key that leads out of the store is refused', async () => {
  for (const key of ['../outside', 'jobs/../../outside', 'jobs/./x', '/outside', '']) {
    await expect(store.write(key, 'x')).rejects.toThrow('leads out of the store');
    await expect(store.read(key)).rejects.toThrow('leads out of the store');
    await expect(store.removeAll(`${key}/`)).rejects.toThrow('leads out of the store');
  }
});

test('bytes come back unchanged: none, text, a patch that is not UTF-8, and 8 MiB that cannot be compressed', async () => {
  const noise = Buffer.alloc(8 * 1024 * 1024);
  for (let i = 0, seed = 1; i < noise.length; i += 4) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    noise.writeUInt32LE(seed, i);
  }
  const bodies = [Buffer.alloc(0), Buffer.from('naïve – 漢字'), Buffer.from([0xff, 0x00, 0x1f, 0x8b]), noise];
  for (const [i, body] of bodies.entries()) {
    for (const plain of [false, true]) {
      const key = `jobs/bytes/${i}-${plain}`;
      await store.write(key, body, { plain });
      expect((await store.read(key))!.equals(body)).toBe(true);
    }
  }
});

test('a file that was already compressed comes back unchanged', async () => {
  const body = gzipSync('twice');
  await store.write('jobs/bytes/a.gz', body);
  expect((await store.read('jobs/bytes/a.gz'))!.equals(body)).toBe(true);
});

test('keys with spaces, signs and letters of any script are distinct', async () => {
  const names = ['a b', 'a+b', 'a%20b', 'a&b<c>', 'ä', 'a\u0308', '漢字', "it's", '~!@$^()=;,', 'x#y?z'];
  for (const name of names) await store.write(`jobs/names/${name}`, name);
  for (const name of names) expect((await store.read(`jobs/names/${name}`))?.toString()).toBe(name);
  await store.removeAll('jobs/names/');
  for (const name of names) expect(await store.read(`jobs/names/${name}`)).toBeUndefined();
});

test('removing a prefix removes everything below it, and nothing else', async () => {
  await writeArtifact(store, 'jobs/b/one.json', { a: 1 });
  await writeArtifact(store, 'jobs/bb/one.json', { a: 2 });
  await store.removeAll('jobs/b/');
  await store.removeAll('jobs/nothing-there/');
  expect(await store.read('jobs/b/one.json')).toBeUndefined();
  expect(await readArtifact(store, 'jobs/bb/one.json', z.object({ a: z.number() }))).toEqual({ a: 2 });
});

test('a job with more artifacts than one page of a listing is deleted completely', async () => {
  const names = Array.from({ length: 1050 }, (_, i) => `local/r${i}`);
  await inParallel(names, 16, (name) =>
    store.write(runArtifactKeys({ jobId: 'job-1', repositoryName: name, run: 1 }).log, 'x'),
  );
  await store.write(runArtifactKeys({ jobId: 'job-2', repositoryName: 'local/r0', run: 1 }).log, 'x');
  await store.removeAll(artifactKeys.job('job-1'));
  for (const name of [0, 999, 1000, 1049].map((place) => [...names].sort()[place]!))
    expect(
      await store.read(runArtifactKeys({ jobId: 'job-1', repositoryName: name, run: 1 }).log),
    ).toBeUndefined();
  expect(
    await store.read(runArtifactKeys({ jobId: 'job-2', repositoryName: 'local/r0', run: 1 }).log),
  ).toEqual(Buffer.from('x'));
});

test('an address of another scheme is refused', () => {
  expect(() => openArtifacts('http://example.com')).toThrow('expected s3://bucket or file:///folder');
});

const Dated = z.object({ run: z.int(), spent: z.number().nonnegative() });

test.each([
  ['an empty file', ''],
  ['half a file', '{"run":1,"spen'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00])],
  ['another kind of value', '[]'],
  ['null', 'null'],
  ['a number that the shape refuses', '{"run":1,"spent":-1}'],
  ['a field that another version calls otherwise', '{"run":1,"spentUsd":1}'],
])('%s in place of an artifact is ignored with a warning', async (_what, body) => {
  const key = 'jobs/damaged/usage.json';
  await store.write(key, body);
  const said: string[] = [];
  const setAside = (why: string) => void said.push(why);
  expect(await findArtifact(store, key, Dated, setAside)).toBeUndefined();
  expect(await findArtifactOfRun(store, key, { run: 1, schema: Dated }, setAside)).toBeUndefined();
  expect(said).toHaveLength(2);
  for (const why of said) expect(why).toContain(key);
});

test('an artifact of an earlier run is ignored without a warning, whatever its shape', async () => {
  const key = 'jobs/earlier/usage.json';
  await store.write(key, '{"run":1,"written":"by an older version"}');
  const setAside = (why: string) => expect(why).toBeUndefined();
  expect(await findArtifactOfRun(store, key, { run: 2, schema: Dated }, setAside)).toBeUndefined();
  expect(await findArtifact(store, 'jobs/none', Dated, setAside)).toBeUndefined();
  await writeArtifact(store, key, { run: 2, spent: 3 }, { durable: true });
  expect(await findArtifactOfRun(store, key, { run: 2, schema: Dated }, setAside)).toEqual({
    run: 2,
    spent: 3,
  });
});
