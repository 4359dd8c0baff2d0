import { randomUUID } from 'node:crypto';
import type { Context as LambdaContext } from 'aws-lambda';

/** The context that Lambda passes to a handler. */
export function functionContext(name: string): LambdaContext {
  const awsRequestId = randomUUID();
  const deadline = Date.now() + 900_000;
  return {
    functionName: name,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${name}`,
    memoryLimitInMB: '512',
    awsRequestId,
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: awsRequestId,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}
