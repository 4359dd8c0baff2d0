import { expect, test } from '@jest/globals';
import { openTestBucket } from '../../support/stores.ts';

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
