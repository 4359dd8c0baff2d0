import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Account, Check } from './checks.ts';

/** What the smoke job costs at most, in USD. */
const MAX_COST_USD = 0.1;
const POLL_MS = 5_000;
/** A start of Fargate, a clone and three turns. */
const PATIENCE_MS = 20 * 60_000;

const PROMPT =
  'This is a test of the installation. Change nothing: read the list of files, then complete the task, and say that no change was necessary.';

/**
 * Runs a job of one repository to its end. It calls the API's function directly, as a runner: a person who may deploy has no token
 * of the API, but may invoke its functions.
 */
export async function smoke(
  apiFunction: string,
  repository: string,
  account: Account,
  pollMs = POLL_MS,
): Promise<Check> {
  const lambda = new LambdaClient(account);
  const api = (method: string, rawPath: string, body?: object) =>
    invoke(lambda, apiFunction, eventOf(method, rawPath, body));
  const name = 'Smoke job';
  try {
    const job = {
      ...{ name: 'smoke', prompt: PROMPT, repositories: [repository], maxCostUsd: MAX_COST_USD },
      settings: { maxTurns: 6, maxMinutes: 10 },
    };
    const created = await api('POST', '/jobs', job);
    if (created.statusCode !== 201)
      return { name, ok: false, found: `POST /jobs answers ${created.statusCode}: ${created.body}` };
    const { jobId } = JSON.parse(created.body);
    for (const begun = Date.now(); Date.now() - begun < PATIENCE_MS; await sleep(pollMs)) {
      const { status, costUsd, error } = JSON.parse((await api('GET', `/jobs/${jobId}`)).body);
      if (status === 'completed')
        return { name, ok: true, found: `${jobId} completed, for $${costUsd ?? 'an unknown price'}` };
      if (status !== 'pending' && status !== 'processing')
        return { name, ok: false, found: `${jobId} is ${status}: ${error?.message ?? 'see its rows'}` };
    }
    return { name, ok: false, found: `${jobId} has not ended in 20 minutes. Look at its execution` };
  } catch (error) {
    const { name: kind, message } = error as Error;
    return { name, ok: false, found: `${kind}: ${message}. Allow yourself lambda:InvokeFunction` };
  }
}

async function invoke(
  lambda: LambdaClient,
  FunctionName: string,
  event: object,
): Promise<{ statusCode: number; body: string }> {
  const { Payload, FunctionError } = await lambda.send(
    new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify(event)) }),
  );
  const text = Buffer.from(Payload ?? []).toString();
  if (FunctionError) throw new Error(`${FunctionName} failed: ${text.slice(0, 500)}`);
  const { statusCode, body = '', isBase64Encoded } = JSON.parse(text);
  return { statusCode, body: isBase64Encoded ? Buffer.from(body, 'base64').toString() : body };
}

/** As API Gateway would send it after a sign-in with the role runner. */
function eventOf(method: string, rawPath: string, body: object | undefined): object {
  const claims = { sub: 'deployment', 'cognito:groups': '[runner]' };
  return {
    ...{ version: '2.0', routeKey: '$default', rawPath, rawQueryString: '', isBase64Encoded: false },
    headers: { 'content-type': 'application/json' },
    requestContext: {
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '', userAgent: 'deployment' },
      authorizer: { jwt: { claims, scopes: null } },
      ...{ requestId: 'deployment', stage: '$default', timeEpoch: Date.now() },
    },
    ...(body && { body: JSON.stringify(body) }),
  };
}
