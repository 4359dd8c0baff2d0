import type { Services } from './execution.ts';
import { batchSubmitJobSync } from './integrations/batch.ts';
import { dynamodbIntegrations } from './integrations/dynamodb.ts';
import { lambdaInvoke } from './integrations/lambda.ts';
import type { Json, JsonObject } from './payload.ts';

export type TaskCall = {
  services: Services;
  /** Aborted when the task timed out or its execution was stopped: let go of what runs. */
  signal: AbortSignal;
  timeoutSeconds: number;
  /** Told by a `.sync` integration when the service has accepted the job. */
  submitted(output: Json): void;
};

/** A service that a Task can call: the optimized integrations of Step Functions that the lifecycle uses. */
export type Integration = {
  /** As in TaskScheduled: `dynamodb` and `updateItem`. */
  resourceType: string;
  resource: string;
  /** Names of the parameters; any other is refused when the definition is loaded. */
  required: readonly string[];
  optional: readonly string[];
  /** Throws a StateError under the name that Step Functions gives the failure. */
  run(parameters: JsonObject, call: TaskCall): Promise<unknown>;
};

/** By the Resource of the Task. */
export const INTEGRATIONS: Readonly<Record<string, Integration>> = {
  ...dynamodbIntegrations,
  'arn:aws:states:::lambda:invoke': lambdaInvoke,
  'arn:aws:states:::batch:submitJob.sync': batchSubmitJobSync,
};
