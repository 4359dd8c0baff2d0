import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from '@jest/globals';
import { NotFoundError } from '../../core/errors.ts';
import { listenOnLoopback } from '../../local/access/loopback.ts';
import { isTransientError } from '../../worker/transient-error.ts';
import { LOCAL_AWS } from '../support/aws-clients.ts';

/** The SDK's error for such a response. */
async function errorOf(status: number, type: string): Promise<unknown> {
  const service = await listenOnLoopback(
    (_, response) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: type, message: 'as told' }));
    },
    { access: 'anyone', name: 'dynamodb' },
  );
  const error = await ask(service.url);
  await service.close();
  return error;
}

async function ask(endpoint: string): Promise<unknown> {
  const client = new DynamoDBClient({ ...LOCAL_AWS, endpoint, maxAttempts: 1 });
  const asked = client.send(new GetItemCommand({ TableName: 'jobs', Key: { jobId: { S: 'a' } } }));
  return asked.then(() => undefined).catch((error: unknown) => error);
}

test('a service that fails, throttles or cannot be reached is retried with another attempt', async () => {
  expect(isTransientError(await errorOf(500, 'InternalServerError'))).toBe(true);
  expect(isTransientError(await errorOf(503, 'ServiceUnavailable'))).toBe(true);
  expect(isTransientError(await errorOf(400, 'ProvisionedThroughputExceededException'))).toBe(true);
  expect(isTransientError(await errorOf(400, 'ThrottlingException'))).toBe(true);
  const gone = await listenOnLoopback(() => {}, { access: 'anyone', name: 'dynamodb' });
  await gone.close();
  expect(isTransientError(await ask(gone.url))).toBe(true);
});

test('a refusal, a wrong name and a bug are not retried', async () => {
  expect(isTransientError(await errorOf(400, 'AccessDeniedException'))).toBe(false);
  expect(isTransientError(await errorOf(400, 'ResourceNotFoundException'))).toBe(false);
  expect(isTransientError(new NotFoundError('There is no such job.'))).toBe(false);
  expect(isTransientError(new TypeError('undefined is not a function'))).toBe(false);
});
