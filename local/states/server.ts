import { randomUUID } from 'node:crypto';
import type http from 'node:http';
import type { BatchClient, JobDetail } from '@aws-sdk/client-batch';
import { describeError } from '../../core/errors.ts';
import type { Access } from '../access/access.ts';
import { awsSignature } from '../access/aws-signature.ts';
import { listenOnLoopback, readBody } from '../access/loopback.ts';
import { BatchJobWaiter } from './batch-job-waiter.ts';
import { DynamoDBProtocol } from './dynamodb-protocol.ts';
import { ExecutionEngine } from './execution-engine.ts';
import { ExecutionStore } from './execution-store.ts';
import { loadDefinition } from './load.ts';
import { lower } from './lower.ts';
import { MapRuns } from './map-runs.ts';
import type { Subject } from './operations/operation.ts';
import { OPERATIONS } from './operations/operations.ts';
import { ServiceError } from './service-error.ts';
import type { InvokeFunction } from './services.ts';
import { type StatusChangeEvent, statusChangeEvent } from './status-change.ts';

export type StatesOptions = {
  /** Has the folder `executions/`. For one engine at a time. */
  dataFolder: string;
  /** @default - a free port */
  port?: number;
  /** Who may call. */
  access: Access;
  /** The state machine's name. */
  name: string;
  /** Amazon States Language, the same text that is deployed. */
  definition: string;
  /** For each `${Name}` in the definition. */
  substitutions: Record<string, string>;
  region: string;
  accountId: string;
  /** The endpoint of the local DynamoDB. Requests to it are not signed. */
  dynamodbUrl: string;
  /**
   * The access key of requests to DynamoDB.
   * @default local
   */
  accessKeyId?: string;
  /**
   * The secret that DynamoDB needs.
   * @default - none is sent
   */
  dynamodbSecret?: string;
  batch: BatchClient;
  /** Called once, with the listener for every change of a Batch job's status. */
  subscribeToBatch(listener: (job: JobDetail) => void): void;
  readObject(bucket: string, key: string): Promise<Uint8Array>;
  writeObject(bucket: string, key: string, body: Uint8Array): Promise<void>;
  /** `name` is the Task's FunctionName. `signal` aborts at the Task's time-out and when the execution is stopped. */
  invokeFunction: InvokeFunction;
  /** Called for each change of a top-level execution's status, once it is on disk. Its errors are not caught. */
  onStatusChange?(event: StatusChangeEvent): void;
  /**
   * Divides the waits of Wait states and retriers, but not time-outs. For tests only.
   * @default 1
   */
  timeScale?: number;
};

export type LocalStates = {
  /** For AWS_ENDPOINT_URL_SFN. */
  url: string;
  stateMachineArn: string;
  /** Runs again the executions that had not ended when the previous engine did. Returns their names. */
  resume(): Promise<string[]>;
  /** Forgets the ended executions whose names start with the prefix. */
  forget(namePrefix: string): void;
  /** Aborts running executions without recording an end, and waits at most 10 s for their tasks. */
  close(): Promise<void>;
};

/** AWS accepts 1 MiB: an input of 256 KiB can double when JSON escapes its quotes. */
const MAX_REQUEST_BYTES = 1024 * 1024;

const TARGET = 'AWSStepFunctions.';

/**
 * Serves Step Functions' protocol on loopback, for one state machine. The official SDKs and CLI work with it. Throws a
 * DefinitionRefusedError, before anything starts, for a definition that would not run here as on AWS.
 * Map runs and their children are kept in memory only, and only the last 1,000 ended children.
 */
export async function startStates(options: StatesOptions): Promise<LocalStates> {
  const { region, accountId, name } = options;
  const { text, definition } = loadDefinition(options.definition, options.substitutions);
  const stateMachineArn = `arn:aws:states:${region}:${accountId}:stateMachine:${name}`;
  const mapRuns = new MapRuns();
  const dynamodb = new DynamoDBProtocol(options.dynamodbUrl, { ...options, secret: options.dynamodbSecret });
  const executions = new ExecutionEngine({
    machine: lower(definition, options.timeScale ?? 1),
    stateMachineName: name,
    stateMachineArn,
    store: new ExecutionStore(options.dataFolder),
    services: {
      region,
      dynamodb,
      batch: new BatchJobWaiter(options.batch, options.subscribeToBatch),
      invokeFunction: options.invokeFunction,
      readObject: options.readObject,
      writeObject: options.writeObject,
      mapRuns,
    },
    onStatusChange: (record) => options.onStatusChange?.(statusChangeEvent(record, { region, accountId })),
  });
  const subject: Subject = {
    machine: { name, arn: stateMachineArn, definition: text, creationDate: Date.now() },
    executions,
    mapRuns,
  };
  const server = await listenOnLoopback((request, response) => void answer(subject, request, response), {
    name: 'states',
    port: options.port,
    access: options.access,
    proof: awsSignature,
  });
  return {
    url: server.url,
    stateMachineArn,
    resume: async () => executions.resume(),
    forget: (namePrefix) => executions.forget(namePrefix),
    async close() {
      await executions.close();
      await server.close();
      dynamodb.close();
    },
  };
}

async function answer(
  subject: Subject,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const send = (status: number, body: object): void => {
    const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': randomUUID() };
    response.writeHead(status, headers).end(JSON.stringify(body));
  };
  try {
    send(200, await perform(subject, request));
  } catch (error) {
    if (error instanceof ServiceError) {
      send(400, { __type: error.type, message: error.message });
    } else {
      const { name, message } = describeError(error);
      send(500, { __type: 'InternalFailure', message: `${name}: ${message}` });
    }
  }
}

async function perform(subject: Subject, request: http.IncomingMessage): Promise<object> {
  const body = await readBody(request, MAX_REQUEST_BYTES);
  const target = String(request.headers['x-amz-target'] ?? '');
  const name = target.startsWith(TARGET) ? target.slice(TARGET.length) : '';
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (!operation) {
    throw new ServiceError(
      'UnknownOperationException',
      `X-Amz-Target ${JSON.stringify(target)} is not supported. Supported are ${Object.keys(OPERATIONS).join(', ')}.`,
    );
  }
  if (!body) {
    throw new ServiceError('ValidationException', `The request is longer than ${MAX_REQUEST_BYTES} bytes.`);
  }
  return operation(parseRequest(body), subject);
}

function parseRequest(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString() || '{}');
  } catch (error) {
    throw new ServiceError('SerializationException', `The request is not JSON: ${(error as Error).message}`);
  }
}
