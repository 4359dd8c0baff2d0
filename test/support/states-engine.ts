import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchClient } from '@aws-sdk/client-batch';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import dynalite from 'dynalite';
import { type LoopbackServer, listenOnLoopback } from '../../local/access/loopback.ts';
import { type LocalStates, type StatesOptions, startStates } from '../../local/states/server.ts';
import type { StatusChangeEvent } from '../../local/states/status-change.ts';
import { LOCAL_AWS } from './aws-clients.ts';

export const BUCKET = 'bucket';
export const TABLE = 'rows';

/** An engine with the embedded DynamoDB, functions by name, and objects in memory. */
export class TestEngine {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'states-'));
  readonly objects = new Map<string, string>();
  readonly statusChanges: StatusChangeEvent[] = [];
  dynamodb!: DynamoDBClient;
  client!: SFNClient;
  states: LocalStates | undefined;
  #dynalite!: LoopbackServer;

  async open(): Promise<void> {
    this.#dynalite = await listenOnLoopback(dynalite({ createTableMs: 0 }), {
      access: 'anyone',
      name: 'dynamodb',
    });
    this.dynamodb = new DynamoDBClient({ ...LOCAL_AWS, endpoint: this.#dynalite.url });
    await this.dynamodb.send(
      new CreateTableCommand({
        TableName: TABLE,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      }),
    );
  }

  async start(
    definition: object,
    functions: Record<string, (payload: never, call: { signal: AbortSignal }) => unknown> = {},
    options: Partial<StatesOptions> = {},
  ): Promise<void> {
    this.states = await startStates({
      access: 'anyone',
      dataFolder: this.folder,
      name: 'lifecycle',
      definition: JSON.stringify(definition),
      substitutions: {},
      region: 'us-east-1',
      accountId: '000000000000',
      dynamodbUrl: this.#dynalite.url,
      batch: new BatchClient({ ...LOCAL_AWS, endpoint: 'http://127.0.0.1:9' }),
      subscribeToBatch: () => {},
      readObject: async (_bucket, key) => Buffer.from(this.objects.get(key) ?? notThere(key)),
      writeObject: async (_bucket, key, body) => void this.objects.set(key, Buffer.from(body).toString()),
      invokeFunction: async (name, payload, call) =>
        (functions[name] ?? notThere(name))(payload as never, call),
      onStatusChange: (event) => this.statusChanges.push(event),
      ...options,
    });
    this.client?.destroy();
    this.client = new SFNClient({ ...LOCAL_AWS, endpoint: this.states.url });
  }

  async begin(name: string, input: unknown = {}): Promise<string> {
    const { executionArn } = await this.client.send(
      new StartExecutionCommand({
        stateMachineArn: this.states!.stateMachineArn,
        name,
        input: JSON.stringify(input),
      }),
    );
    return executionArn!;
  }

  async ended(executionArn: string): Promise<DescribeExecutionCommandOutput> {
    for (;;) {
      const execution = await this.client.send(new DescribeExecutionCommand({ executionArn }));
      if (execution.status !== 'RUNNING') return execution;
      await sleep(5);
    }
  }

  async run(name: string, input: unknown = {}): Promise<DescribeExecutionCommandOutput> {
    return this.ended(await this.begin(name, input));
  }

  async history(executionArn: string): Promise<HistoryEvent[]> {
    const { events } = await this.client.send(
      new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }),
    );
    return events ?? [];
  }

  async close(): Promise<void> {
    this.client?.destroy();
    await this.states?.close();
    this.dynamodb?.destroy();
    await this.#dynalite?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function notThere(name: string): never {
  throw new Error(`There is no ${name}`);
}

/** A Task that calls a function with the state's whole input and puts its result into `$.name`. */
export function invoke(name: string, rest: object): object {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Parameters: { FunctionName: name, 'Payload.$': '$' },
    TimeoutSeconds: 60,
    ResultSelector: { 'value.$': '$.Payload' },
    ResultPath: `$.${name}`,
    ...rest,
  };
}
