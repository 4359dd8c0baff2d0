import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { LambdaFunction } from '../../lib/lambda-function.ts';
import { Names } from '../../lib/names.ts';
import { Storage } from '../../lib/storage.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'cody-batch-function-'));
writeFileSync(path.join(folder, 'index.mjs'), 'export const handler = () => {};');
afterAll(() => rmSync(folder, { recursive: true }));

test('a list of repositories above Lambda’s limit fails the synthesis with the name of the setting', () => {
  const stack = new Stack(new App(), 'Test');
  const names = new Names('test');
  const storage = new Storage(stack, 'Storage', {
    ...{ names, keepData: false, deletionProtection: false, resultDays: 90 },
  });
  const withRepositories = (count: number) => () =>
    new LambdaFunction(stack, `With${count}`, {
      names,
      bundle: { name: `with-${count}`, kind: 'steps', folder },
      access: { jobs: ['GetItem'] },
      settings: {
        ALLOWED_REPOSITORIES: Array.from({ length: count }, (_, i) => `my-org/service-${i}`).join(','),
        MAX_TURNS: '30',
      },
      resources: {
        ...storage,
        ...{
          jobDefinitionArns: {},
          jobQueueArn: 'arn',
          jobQueueName: 'queue',
          batchJobArns: 'arn',
          stateMachineArn: 'arn',
        },
        ...{ executionArns: 'arn', mapRunArns: 'arn', secretArns: {} },
        ...{ noticeTopicArn: 'arn', deadLettersArn: 'arn', deadLettersUrl: 'url' },
      },
    });
  expect(withRepositories(150)).not.toThrow();
  expect(withRepositories(250)).toThrow(
    /have \d+ bytes; Lambda allows 4096\. Shorten the longest setting, ALLOWED_REPOSITORIES/,
  );
});
