/**
 * What Lambda's runtime for Node.js does with a function, by the documented Runtime API and nothing of this project:
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
import { existsSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT, _HANDLER, AWS_LAMBDA_FUNCTION_NAME } = process.env;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, what, body) {
  const url = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/${what}`;
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const request = http.request(url, { method, agent, headers }, async (response) => {
      const chunks = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ headers: response.headers, text: Buffer.concat(chunks).toString() });
    });
    request.once('error', reject).end(body);
  });
}

function failure(error) {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return JSON.stringify({ errorType: name, errorMessage: message, trace: (stack ?? '').split('\n') });
}

async function load() {
  const [file, exported] = _HANDLER.split('.');
  const found = ['mjs', 'js', 'cjs']
    .map((end) => path.join(LAMBDA_TASK_ROOT, `${file}.${end}`))
    .find(existsSync);
  const handler = (await import(pathToFileURL(found).href))[exported];
  if (typeof handler !== 'function') throw new Error(`${_HANDLER} is not defined or not exported`);
  return handler;
}

let handler;
try {
  handler = await load();
} catch (error) {
  await call('POST', 'init/error', failure(error));
  process.exit(1);
}

for (;;) {
  const { headers, text } = await call('GET', 'invocation/next');
  const awsRequestId = headers['lambda-runtime-aws-request-id'];
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const context = {
    awsRequestId,
    functionName: AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: '$LATEST',
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: '512',
    logGroupName: `/aws/lambda/${AWS_LAMBDA_FUNCTION_NAME}`,
    logStreamName: 'one',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  try {
    const result = await handler(JSON.parse(text), context);
    await call('POST', `invocation/${awsRequestId}/response`, JSON.stringify(result) ?? 'null');
  } catch (error) {
    await call('POST', `invocation/${awsRequestId}/error`, failure(error));
  }
}
