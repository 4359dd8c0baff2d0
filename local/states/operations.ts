import { z } from 'zod';
import {
  executionDetail,
  executionItem,
  mapRunDetail,
  mapRunItem,
  seconds,
  withoutData,
} from './descriptions.ts';
import { childRecords, type ExecutionEngine } from './executions.ts';
import type { MapRun, MapRuns } from './map-runs.ts';
import { paginate } from './paginate.ts';
import { ServiceError } from './service-error.ts';

export type StateMachineFacts = {
  name: string;
  arn: string;
  /** The substituted text. */
  definition: string;
  creationDate: number;
};

/** An operation of the Step Functions API: from the request's JSON to the answer's. */
export type Operation = (request: unknown) => object | Promise<object>;

const page = {
  maxResults: z.int().min(0).max(1000).optional(),
  nextToken: z.string().optional(),
};
const arn = z.string().min(1).max(256);
const startExecution = z.strictObject({
  stateMachineArn: arn,
  name: z.string().optional(),
  input: z.string().optional(),
});
const stopExecution = z.strictObject({
  executionArn: arn,
  error: z.string().max(256).optional(),
  cause: z.string().max(32_768).optional(),
});
const describeExecution = z.strictObject({ executionArn: arn });
const listExecutions = z.strictObject({
  stateMachineArn: arn.optional(),
  mapRunArn: arn.optional(),
  statusFilter: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']).optional(),
  ...page,
});
const getExecutionHistory = z.strictObject({
  executionArn: arn,
  reverseOrder: z.boolean().optional(),
  includeExecutionData: z.boolean().optional(),
  ...page,
});
const describeStateMachine = z.strictObject({ stateMachineArn: arn });
const describeMapRun = z.strictObject({ mapRunArn: arn });
const listMapRuns = z.strictObject({ executionArn: arn, ...page });

/** Stands where AWS names the role that a state machine runs under. */
const roleArn = 'arn:aws:iam::000000000000:role/local';

export function statesOperations(
  executions: ExecutionEngine,
  mapRuns: MapRuns,
  machine: StateMachineFacts,
): ReadonlyMap<string, Operation> {
  const operation = <Schema extends z.ZodType>(
    schema: Schema,
    perform: (request: z.output<Schema>) => object | Promise<object>,
  ): Operation => {
    return (request) => {
      const parsed = schema.safeParse(request);
      if (parsed.success) return perform(parsed.data);
      throw new ServiceError('ValidationException', z.prettifyError(parsed.error));
    };
  };

  const requireMachine = (stateMachineArn: string): void => {
    if (stateMachineArn === machine.arn) return;
    throw new ServiceError(
      'StateMachineDoesNotExist',
      `State Machine Does Not Exist: '${stateMachineArn}'; here is ${machine.arn}`,
    );
  };

  const requireMapRun = (mapRunArn: string): MapRun => {
    const run = mapRuns.get(mapRunArn);
    if (run) return run;
    throw new ServiceError(
      'ResourceNotFound',
      `There is no Map run '${mapRunArn}' in this process; what its children came to is in its ResultWriter files.`,
    );
  };

  return new Map<string, Operation>([
    [
      'StartExecution',
      operation(startExecution, ({ stateMachineArn, name, input }) => {
        requireMachine(stateMachineArn);
        const record = executions.start(name, input);
        return { executionArn: record.arn, startDate: seconds(record.startDate) };
      }),
    ],
    [
      'StopExecution',
      operation(stopExecution, async ({ executionArn, error, cause }) => {
        const { stopDate = Date.now() } = await executions.stop(executionArn, error, cause);
        return { stopDate: seconds(stopDate) };
      }),
    ],
    [
      'DescribeExecution',
      operation(describeExecution, ({ executionArn }) => executionDetail(executions.get(executionArn))),
    ],
    [
      'ListExecutions',
      operation(listExecutions, ({ stateMachineArn, mapRunArn, statusFilter, ...request }) => {
        if ((stateMachineArn === undefined) === (mapRunArn === undefined)) {
          throw new ServiceError('ValidationException', 'Needs either stateMachineArn or mapRunArn.');
        }
        if (stateMachineArn !== undefined) requireMachine(stateMachineArn);
        const records =
          mapRunArn === undefined
            ? executions.list()
            : childRecords(mapRuns.childrenOf(requireMapRun(mapRunArn).arn));
        const wanted = records.filter(({ status }) => statusFilter === undefined || status === statusFilter);
        const { items, nextToken } = paginate(wanted, (record) => record.arn, request);
        return { executions: items.map(executionItem), nextToken };
      }),
    ],
    [
      'GetExecutionHistory',
      operation(
        getExecutionHistory,
        ({ executionArn, reverseOrder, includeExecutionData = true, ...request }) => {
          const all = executions.history(executionArn);
          const ordered = reverseOrder ? all.toReversed() : all;
          const { items, nextToken } = paginate(ordered, (event) => String(event.id), request);
          return { events: includeExecutionData ? items : items.map(withoutData), nextToken };
        },
      ),
    ],
    [
      'DescribeStateMachine',
      operation(describeStateMachine, ({ stateMachineArn }) => {
        requireMachine(stateMachineArn);
        return {
          stateMachineArn: machine.arn,
          name: machine.name,
          status: 'ACTIVE',
          definition: machine.definition,
          roleArn,
          type: 'STANDARD',
          creationDate: seconds(machine.creationDate),
          loggingConfiguration: { level: 'OFF', includeExecutionData: false },
        };
      }),
    ],
    [
      'DescribeStateMachineForExecution',
      operation(describeExecution, ({ executionArn }) => {
        const { stateMachineArn, mapRunArn } = executions.get(executionArn);
        return {
          stateMachineArn,
          name: stateMachineArn.slice(stateMachineArn.lastIndexOf(':') + 1),
          definition: machine.definition,
          roleArn,
          updateDate: seconds(machine.creationDate),
          mapRunArn,
        };
      }),
    ],
    [
      'ListStateMachines',
      operation(z.strictObject(page), () => ({
        stateMachines: [
          {
            stateMachineArn: machine.arn,
            name: machine.name,
            type: 'STANDARD',
            creationDate: seconds(machine.creationDate),
          },
        ],
      })),
    ],
    ['DescribeMapRun', operation(describeMapRun, ({ mapRunArn }) => mapRunDetail(requireMapRun(mapRunArn)))],
    [
      'ListMapRuns',
      operation(listMapRuns, ({ executionArn, ...request }) => {
        const runs = mapRuns.ofExecution(executions.get(executionArn).arn);
        const { items, nextToken } = paginate(runs, (run) => run.arn, request);
        return { mapRuns: items.map(mapRunItem), nextToken };
      }),
    ],
  ]);
}
