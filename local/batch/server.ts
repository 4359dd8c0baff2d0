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
import { batchOperations, type Operation } from './operations.ts';
import { MAX_REQUEST_KIB } from './requests.ts';
import { RunningChildren } from './running-children.ts';
import { Scratch } from './scratch.ts';
import type { JobStateChangeEvent } from './state-change.ts';

export type BatchOptions = {
  /** Holds `logs/` and, while children run, `running/`. One Batch at a time. */
  dataFolder: string;
  /** @default - a free one */
  port?: number;
  /** Who may call. */
  access: Access;
  /** The one queue's name. */
  jobQueue: string;
  jobDefinition: LocalJobDefinition;
  /** The most children at once. */
  maxRunning: number;
  /**
   * From SIGTERM to SIGKILL when a child is ended; AWS gives 30 s.
   * @default 5
   */
  stopTimeoutSeconds?: number;
  /**
   * How many ended jobs are remembered, the latest, each for at most 7 days as on AWS. One takes about 1 KB.
   * @default 10000
   */
  endedJobsKept?: number;
  /**
   * Told each change of a job's status, in order, as EventBridge tells it on AWS. A job can end before the caller of
   * SubmitJob has its answer. What it throws is not caught. Silent from `close` on.
   */
  onJobStateChange?: (event: JobStateChangeEvent) => void;
};

export type LocalBatch = {
  /** For AWS_ENDPOINT_URL_BATCH. */
  url: string;
  /** Stops accepting, ends the children that run and waits for them. Jobs are not remembered. */
  close(): Promise<void>;
};

/** Where an attempt's output is; `logStreamName` is `{jobDefinition}/default/{jobId}-{attempt}`. */
export function batchLogFile(dataFolder: string, logStreamName: string): string {
  return path.join(dataFolder, 'logs', `${logStreamName}.log`);
}

/**
 * AWS Batch's protocol on loopback, over child processes: one FIFO queue, one job definition, one machine. The official
 * SDKs and CLI work on it. Before it accepts anything it ends the children that an earlier process left behind. Throws
 * ConflictError when another one uses the data folder.
 */
export async function startBatch(options: BatchOptions): Promise<LocalBatch> {
  const { dataFolder, jobQueue, jobDefinition } = options;
  const stopTimeoutSeconds = options.stopTimeoutSeconds ?? 5;
  mkdirSync(path.dirname(batchLogFile(dataFolder, `${jobDefinition.name}/default/any`)), { recursive: true });
  const runningChildren = await RunningChildren.open(path.join(dataFolder, 'running'), stopTimeoutSeconds);
  const queue = new JobQueue({
    name: jobQueue,
    definition: jobDefinition,
    maxRunning: options.maxRunning,
    stopTimeoutSeconds,
    endedJobsKept: options.endedJobsKept ?? 10_000,
    logFile: (logStreamName) => batchLogFile(dataFolder, logStreamName),
    runningChildren,
    scratch: jobDefinition.scratch && Scratch.open(jobDefinition.scratch),
    onJobStateChange: options.onJobStateChange,
  });
  // Children lead groups of their own, so that they would outlive this process.
  const abandon = () => queue.abandon();
  process.once('exit', abandon);
  const operations = batchOperations(queue, jobQueue, jobDefinition);
  try {
    const server = await listenOnLoopback((request, response) => void answer(operations, request, response), {
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

/** REST-JSON of AWS: an error's name in a header, its message in the body. */
async function answer(
  operations: ReadonlyMap<string, Operation>,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() };
  try {
    const body = JSON.stringify(await perform(operations, request));
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

async function perform(
  operations: ReadonlyMap<string, Operation>,
  request: http.IncomingMessage,
): Promise<object> {
  const name = request.method === 'POST' ? /^\/v1\/([a-z]+)$/.exec(request.url ?? '')?.[1] : undefined;
  const operation = name === undefined ? undefined : operations.get(name);
  if (!operation) {
    throw new ClientException(
      `${request.method} ${request.url} is no operation of the local Batch, which has POST /v1/{${[...operations.keys()].join(',')}}.`,
    );
  }
  const body = await readBody(request, MAX_REQUEST_KIB * 1024);
  if (!body) throw new ClientException(`Job size must be less than ${MAX_REQUEST_KIB} KiB.`);
  return operation(body.toString('utf8'));
}
