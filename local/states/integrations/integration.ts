import type { Json, JsonObject } from '../payload.ts';
import type { Services } from '../services.ts';

/** A service that a Task can call: the optimized integrations of Step Functions that the lifecycle uses. */
export type Integration = {
  /** As in TaskScheduled: `dynamodb` and `updateItem`. */
  resourceType: string;
  resource: string;
  /** Names of the parameters. A definition with any other is refused when it is loaded. */
  required: readonly string[];
  optional: readonly string[];
  /** Throws a StateError with the name that Step Functions gives the failure. */
  run(parameters: JsonObject, call: TaskCall): Promise<unknown>;
};

export type TaskCall = {
  services: Services;
  /** Aborted when the task times out or its execution is stopped. The integration then ends its work. */
  signal: AbortSignal;
  timeoutSeconds: number;
  /** Called by a `.sync` integration when the service has accepted the job. */
  submitted(output: Json): void;
};
