import { gunzipSync, gzipSync } from 'node:zlib';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { findArtifact, openArtifacts, writeArtifact } from '../../../core/store/artifacts.ts';
import { openTestBucket } from '../../support/stores.ts';

test('an artifact is compressed with Content-Encoding, so that a browser, the AWS CLI and this product read the same', async () => {
  const { store, s3, bucket: Bucket } = await openTestBucket();
  await writeArtifact(store, 'jobs/a/outcome.json', { summary: 'x'.repeat(10_000) });
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'jobs/a/outcome.json' }));
  expect(object).toMatchObject({ ContentEncoding: 'gzip', ContentType: 'application/json' });
  const bytes = Buffer.from(await object.Body!.transformToByteArray());
  expect(bytes.length).toBeLessThan(500);
  expect(JSON.parse(gunzipSync(bytes).toString())).toEqual({ summary: 'x'.repeat(10_000) });
});

test('an artifact for Step Functions is plain, because it does not decompress', async () => {
  const { store, s3, bucket: Bucket } = await openTestBucket();
  await writeArtifact(store, 'jobs/a/runs/1/items.json', [{ repositoryName: 'local/one' }], { plain: true });
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'jobs/a/runs/1/items.json' }));
  expect(head.ContentEncoding).toBeUndefined();
  const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'jobs/a/runs/1/items.json' }));
  expect(await object.Body!.transformToString()).toBe('[{"repositoryName":"local/one"}]');
});

test('an object that cannot be deleted is an error that names it, and the deletion ends', async () => {
  const { store, s3, bucket: Bucket } = await openTestBucket();
  await store.write('jobs/a/kept', 'x');
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject', Resource: `arn:aws:s3:::${Bucket}/*` },
    ],
  });
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
  await expect(store.removeAll('jobs/a/')).rejects.toThrow('jobs/a/kept');
  expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(1);
});

test('a missing bucket is an error, and not a missing artifact', async () => {
  await openTestBucket();
  await expect(openArtifacts('s3://no-such-bucket').read('jobs/a')).rejects.toThrow(/bucket/i);
});

test('a truncated object is ignored with a warning', async () => {
  const { store, s3, bucket: Bucket } = await openTestBucket();
  const Key = 'jobs/a/usage.json';
  const Body = gzipSync('{"run":1}').subarray(0, 12);
  await s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentEncoding: 'gzip' }));
  const said: string[] = [];
  expect(await findArtifact(store, Key, z.unknown(), (why) => void said.push(why))).toBeUndefined();
  expect(said).toEqual([expect.stringContaining(Key)]);
});

test('a few KB of gzip that decompress to gigabytes, and an object that never ends, are ignored', async () => {
  const { store, s3, bucket: Bucket } = await openTestBucket();
  const said: string[] = [];
  const find = (Key: string) => findArtifact(store, Key, z.unknown(), (why) => void said.push(why));
  const bomb = { Bucket, Key: 'jobs/a/outcome.json', Body: gzipSync(Buffer.alloc(17 * 1024 * 1024)) };
  await s3.send(new PutObjectCommand({ ...bomb, ContentEncoding: 'gzip' }));
  expect(await find(bomb.Key)).toBeUndefined();
  const long = { Bucket, Key: 'jobs/a/checkpoint/usage.json', Body: ' '.repeat(65 * 1024) };
  await s3.send(new PutObjectCommand(long));
  expect(await find(long.Key)).toBeUndefined();
  expect(said).toEqual([
    expect.stringContaining('outcome.json decompresses to more than 16777216 bytes'),
    expect.stringContaining('usage.json has more than 65536 bytes'),
  ]);
});

test('a signed URL of S3 gives the artifact to a caller without credentials, under the name that was asked for', async () => {
  const { store } = await openTestBucket();
  const key = 'jobs/job-1/patches/abc.zip';
  const bytes = Buffer.from([0x50, 0x4b, 0, 255]);
  await store.write(key, bytes, { contentType: 'application/zip', plain: true });
  const sent = await fetch(await store.signedUrl(key, { seconds: 60, fileName: 'patches.zip' }));
  expect(sent.status).toBe(200);
  expect(Buffer.from(await sent.arrayBuffer())).toEqual(bytes);
  expect(sent.headers.get('content-disposition')).toBe('attachment; filename="patches.zip"');
  expect(sent.headers.get('content-type')).toBe('application/zip');
});
