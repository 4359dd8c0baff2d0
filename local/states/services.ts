import type { BatchJobWaiter } from './batch-job-waiter.ts';
import type { DynamoDBProtocol } from './dynamodb-protocol.ts';
import type { MapRuns } from './map-runs.ts';

/** What the states of an execution can call. */
export type Services = {
  region: string;
  dynamodb: DynamoDBProtocol;
  batch: BatchJobWaiter;
  invokeFunction: InvokeFunction;
  readObject(bucket: string, key: string): Promise<Uint8Array>;
  writeObject(bucket: string, key: string, body: Uint8Array): Promise<void>;
  mapRuns: MapRuns;
};

export type InvokeFunction = (
  name: string,
  payload: unknown,
  call: { signal: AbortSignal; timeoutSeconds: number },
) => Promise<unknown>;
