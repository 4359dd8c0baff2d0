import { Console } from 'node:console';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { logger, logTo, withLogger } from '../../lambdas/logger.ts';
import { functionContext } from '../../local/function-context.ts';

test('two concurrent functions in one process log with their own names and keys', async () => {
  const lines = new PassThrough();
  logTo(new Console({ stdout: lines, stderr: lines }));
  const turns = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = withLogger(functionContext('Reconcile'), async () => {
    logger.appendKeys({ jobId: 'one' });
    await turns[0]!.promise;
    logger.error('of the first');
    turns[1]!.resolve();
  });
  const second = withLogger(functionContext('TrackPullRequests'), async () => {
    logger.info('begins');
    turns[0]!.resolve();
    await turns[1]!.promise;
    logger.warn('of the second');
  });
  await Promise.all([first, second]);
  lines.end();
  const logged = (await text(lines))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(logged).toMatchObject([
    { message: 'begins', function_name: 'cody-batch-local-track-pull-requests' },
    { message: 'of the first', function_name: 'cody-batch-local-reconcile', jobId: 'one' },
    { message: 'of the second', function_name: 'cody-batch-local-track-pull-requests' },
  ]);
  expect(logged[2]).not.toHaveProperty('jobId');
});
