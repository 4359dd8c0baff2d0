import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import { describeError } from '../../core/errors.ts';
import type { Access } from '../access/access.ts';
import { awsSignature } from '../access/aws-signature.ts';
import { listenOnLoopback, readBody } from '../access/loopback.ts';
import { ClientException } from './client-exception.ts';
import type { LocalJobDefinition } from './job-definition.ts';
import { JobQueue } from './job-queue.ts';
import { OPERATIONS, type Subject } from './operations.ts';
import { MAX_REQUEST_KIB } from './requests.ts';
import { RunningChildren } from './running-children.ts';
import { Scratch } from './scratch.ts';
import type { JobStateChangeEvent } from './state-change.ts';

export type BatchOptions = {
  /** Has the folders `logs/` and `running/`. For one Batch at a time. */
  dataFolder: string;
  /** @default - a free port */
  port?: number;
  /** Who may call. */
  access: Access;
  /** The name of the only queue. */
  jobQueue: string;
  /** All with the same scratch folder, or none. */
  jobDefinitions: readonly LocalJobDefinition[];
  /** The most children at once. */
  maxRunning: number;
  /**
   * The time from SIGTERM to SIGKILL when a child is ended. On AWS it is 30 s.
   * @default 5
   */
  stopTimeoutSeconds?: number;
  /**
   * The most ended jobs that are remembered, each for at most 7 days as on AWS. A job takes about 1 KB.
   * @default 10000
   */
  endedJobsKept?: number;
  /**
   * Called for each change of a job's status, in order, with the event that EventBridge delivers on AWS. A job can end
   * before SubmitJob has answered. Errors are not caught. Not called after `close`.
   */
  onJobStateChange?: (event: JobStateChangeEvent) => void;
};

export type LocalBatch = {
  /** For AWS_ENDPOINT_URL_BATCH. */
  url: string;
  /** Stops listening, ends the running children, waits for them, and forgets all jobs. */
  close(): Promise<void>;
};

/** The file with an attempt's output. `logStreamName` is `{jobDefinition}/default/{jobId}-{attempt}`. */
export function batchLogFile(dataFolder: string, logStreamName: string): string {
  return path.join(dataFolder, 'logs', `${logStreamName}.log`);
}

/**
 * Serves AWS Batch's protocol on loopback, over child processes: one FIFO queue and some job definitions. The
 * official SDKs and CLI work with it. Before it listens it ends the children that an earlier process left behind. Throws
 * ConflictError if another process uses the data folder.
 */
export async function startBatch(options: BatchOptions): Promise<LocalBatch> {
  const { dataFolder, jobQueue, jobDefinitions } = options;
  const stopTimeoutSeconds = options.stopTimeoutSeconds ?? 5;
  for (const { name } of jobDefinitions)
    mkdirSync(path.dirname(batchLogFile(dataFolder, `${name}/default/any`)), { recursive: true });
  const runningChildren = await RunningChildren.open(path.join(dataFolder, 'running'), stopTimeoutSeconds);
  const scratch = jobDefinitions.find((definition) => definition.scratch)?.scratch;
  const queue = new JobQueue({
    name: jobQueue,
    maxRunning: options.maxRunning,
    stopTimeoutSeconds,
    endedJobsKept: options.endedJobsKept ?? 10_000,
    logFile: (logStreamName) => batchLogFile(dataFolder, logStreamName),
    runningChildren,
    scratch: scratch && Scratch.open(scratch),
    onJobStateChange: options.onJobStateChange,
  });
  // Each child leads its own process group, so it would survive this process.
  const abandon = () => queue.abandon();
  process.once('exit', abandon);
  const subject: Subject = { queue, queueName: jobQueue, definitions: jobDefinitions };
  try {
    const server = await listenOnLoopback((request, response) => void answer(subject, request, response), {
      name: 'batch',
      port: options.port,
      access: options.access,
      proof: awsSignature,
    });
    return {
      url: server.url,
      async close() {
        await server.close();
        await queue.close();
        process.off('exit', abandon);
        runningChildren.close();
      },
    };
  } catch (error) {
    process.off('exit', abandon);
    runningChildren.close();
    throw error;
  }
}

/** AWS's REST-JSON protocol: the name of an error is in a header, its message in the body. */
async function answer(
  subject: Subject,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() };
  try {
    const body = JSON.stringify(await perform(subject, request));
    response.writeHead(200, headers).end(body);
  } catch (error) {
    const atFault = error instanceof ClientException;
    const { name, message } = describeError(error);
    response
      .writeHead(atFault ? 400 : 500, {
        ...headers,
        'x-amzn-errortype': atFault ? name : 'ServerException',
      })
      .end(JSON.stringify({ message: atFault ? message : `${name}: ${message}` }));
  }
}

async function perform(subject: Subject, request: http.IncomingMessage): Promise<object> {
  const name = request.method === 'POST' ? /^\/v1\/([a-z]+)$/.exec(request.url ?? '')?.[1] : undefined;
  const operation = name !== undefined && Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (!operation) {
    throw new ClientException(
      `${request.method} ${request.url} is not an operation of the local Batch. It has POST /v1/{${Object.keys(OPERATIONS).join(',')}}.`,
    );
  }
  const body = await readBody(request, MAX_REQUEST_KIB * 1024);
  if (!body) throw new ClientException(`Job size must be less than ${MAX_REQUEST_KIB} KiB.`);
  return operation(body.toString('utf8'), subject);
}
