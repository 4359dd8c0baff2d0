import { randomUUID } from 'node:crypto';
import type http from 'node:http';
import { describeError } from '../../core/errors.ts';
import type { Access } from '../access/access.ts';
import { awsSignature } from '../access/aws-signature.ts';
import { type LoopbackServer, listenOnLoopback, readBody } from '../access/loopback.ts';
import { functionGroup } from './function-groups.ts';
import type { LogGroup } from './log-group.ts';
import { LogsError } from './logs-error.ts';
import { OPERATIONS } from './operations.ts';
import { workerGroup } from './worker-group.ts';

export type LogsOptions = {
  /** @default - a free port */
  port?: number;
  /** Who may call. */
  access: Access;
  /** The file that all functions write to. */
  functionsFile: string;
  /** The names of the functions, as on AWS. */
  functionNames: readonly string[];
  /** The folder of the workers' logs. */
  workerFolder: string;
  /** The name of the workers' group. */
  workerGroup: string;
};

const MAX_REQUEST_BYTES = 64 * 1024;
const TARGET = 'Logs_20140328.';

/**
 * Serves CloudWatch Logs' protocol on loopback over the log files, for reading only. The official CLI and SDKs work with it,
 * `aws logs tail --follow` too.
 */
export function startLogs(options: LogsOptions): Promise<LoopbackServer> {
  const groups = [
    ...options.functionNames.map((name) => functionGroup(name, options.functionsFile)),
    workerGroup(options.workerGroup, options.workerFolder),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  return listenOnLoopback((request, response) => void answer(groups, request, response), {
    ...{ name: 'logs', port: options.port, access: options.access, proof: awsSignature },
  });
}

async function answer(
  groups: readonly LogGroup[],
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const send = (status: number, body: object): void => {
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() };
    response.writeHead(status, headers).end(JSON.stringify(body));
  };
  try {
    send(200, await perform(groups, request));
  } catch (error) {
    if (error instanceof LogsError) return send(400, { __type: error.type, message: error.message });
    const { name, message } = describeError(error);
    send(500, { __type: 'ServiceUnavailableException', message: `${name}: ${message}` });
  }
}

async function perform(groups: readonly LogGroup[], request: http.IncomingMessage): Promise<object> {
  const body = await readBody(request, MAX_REQUEST_BYTES);
  const target = String(request.headers['x-amz-target'] ?? '');
  const name = target.startsWith(TARGET) ? target.slice(TARGET.length) : '';
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (!operation)
    throw new LogsError(
      'UnknownOperationException',
      `X-Amz-Target ${JSON.stringify(target)} is not supported. Supported are ${Object.keys(OPERATIONS).join(', ')}.`,
    );
  if (!body)
    throw new LogsError(
      'InvalidParameterException',
      `The request is longer than ${MAX_REQUEST_BYTES} bytes.`,
    );
  return operation(parsed(body), groups);
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString() || '{}');
  } catch (error) {
    throw new LogsError('InvalidParameterException', `The request is not JSON: ${(error as Error).message}`);
  }
}
