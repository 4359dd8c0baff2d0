import { z } from 'zod';
import { latestFirst } from '../execution-engine.ts';
import { ServiceError } from '../service-error.ts';
import { executionDetail, executionItem, seconds, withoutData } from './descriptions.ts';
import { arn, operation, page, requireMachine, requireMapRun } from './operation.ts';
import { paginate } from './paginate.ts';

export const startExecution = operation(
  z.strictObject({ stateMachineArn: arn, name: z.string().optional(), input: z.string().optional() }),
  ({ stateMachineArn, name, input }, subject) => {
    requireMachine(subject, stateMachineArn);
    const record = subject.executions.start(name, input);
    return { executionArn: record.arn, startDate: seconds(record.startDate) };
  },
);

export const stopExecution = operation(
  z.strictObject({
    executionArn: arn,
    error: z.string().max(256).optional(),
    cause: z.string().max(32_768).optional(),
  }),
  async ({ executionArn, error, cause }, { executions }) => {
    const { stopDate = Date.now() } = await executions.stop(executionArn, error, cause);
    return { stopDate: seconds(stopDate) };
  },
);

export const describeExecution = operation(
  z.strictObject({ executionArn: arn }),
  ({ executionArn }, { executions }) => executionDetail(executions.get(executionArn)),
);

export const listExecutions = operation(
  z.strictObject({
    stateMachineArn: arn.optional(),
    mapRunArn: arn.optional(),
    statusFilter: z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']).optional(),
    ...page,
  }),
  ({ stateMachineArn, mapRunArn, statusFilter, ...request }, subject) => {
    if ((stateMachineArn === undefined) === (mapRunArn === undefined)) {
      throw new ServiceError('ValidationException', 'Needs either stateMachineArn or mapRunArn.');
    }
    if (stateMachineArn !== undefined) requireMachine(subject, stateMachineArn);
    const { executions, mapRuns } = subject;
    const records =
      mapRunArn === undefined
        ? executions.list()
        : latestFirst(mapRuns.childrenOf(requireMapRun(subject, mapRunArn).arn).map(({ record }) => record));
    const wanted = records.filter(({ status }) => statusFilter === undefined || status === statusFilter);
    const { items, nextToken } = paginate(wanted, (record) => record.arn, request);
    return { executions: items.map(executionItem), nextToken };
  },
);

export const getExecutionHistory = operation(
  z.strictObject({
    executionArn: arn,
    reverseOrder: z.boolean().optional(),
    includeExecutionData: z.boolean().optional(),
    ...page,
  }),
  ({ executionArn, reverseOrder, includeExecutionData = true, ...request }, { executions }) => {
    const all = executions.history(executionArn);
    const ordered = reverseOrder ? all.toReversed() : all;
    const { items, nextToken } = paginate(ordered, (event) => String(event.id), request);
    return { events: includeExecutionData ? items : items.map(withoutData), nextToken };
  },
);
