import { z } from 'zod';
import type { ExecutionEngine } from '../execution-engine.ts';
import type { MapRun, MapRuns } from '../map-runs.ts';
import { ServiceError } from '../service-error.ts';

/** What the operations work on: one state machine, its executions and their Map runs. */
export type Subject = {
  machine: {
    name: string;
    arn: string;
    /** The definition with its substitutions. */
    definition: string;
    /** Epoch milliseconds. */
    creationDate: number;
  };
  executions: ExecutionEngine;
  mapRuns: MapRuns;
};

/** An operation of the Step Functions API: from the JSON of the request to the JSON of the response. */
export type Operation = (request: unknown, subject: Subject) => object | Promise<object>;

/** An operation that answers ValidationException if the request does not fit `schema`. */
export function operation<Schema extends z.ZodType>(
  schema: Schema,
  perform: (request: z.output<Schema>, subject: Subject) => object | Promise<object>,
): Operation {
  return (request, subject) => {
    const parsed = schema.safeParse(request);
    if (parsed.success) return perform(parsed.data, subject);
    throw new ServiceError('ValidationException', z.prettifyError(parsed.error));
  };
}

export const arn = z.string().min(1).max(256);

/** The fields of a request for one page of a list. */
export const page = {
  maxResults: z.int().min(0).max(1000).optional(),
  nextToken: z.string().optional(),
};

/** The local engine assumes no role; descriptions need the ARN of one. */
export const ROLE_ARN = 'arn:aws:iam::000000000000:role/local';

export function requireMachine({ machine }: Subject, stateMachineArn: string): void {
  if (stateMachineArn === machine.arn) return;
  throw new ServiceError(
    'StateMachineDoesNotExist',
    `State Machine Does Not Exist: '${stateMachineArn}'. The only one here is ${machine.arn}.`,
  );
}

export function requireMapRun({ mapRuns }: Subject, mapRunArn: string): MapRun {
  const run = mapRuns.get(mapRunArn);
  if (run) return run;
  throw new ServiceError(
    'ResourceNotFound',
    `This process has no Map run '${mapRunArn}'. Read the results of its children in its ResultWriter files.`,
  );
}
