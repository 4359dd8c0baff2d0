import type { ExecutionRecord } from '../execution-record.ts';
import type { HistoryEvent } from '../history.ts';
import type { MapRun } from '../map-runs.ts';

/** AWS's responses have epoch seconds. */
export const seconds = (milliseconds: number | undefined): number | undefined =>
  milliseconds === undefined ? undefined : milliseconds / 1000;

export function executionItem(record: ExecutionRecord): object {
  return {
    executionArn: record.arn,
    stateMachineArn: record.stateMachineArn,
    name: record.name,
    status: record.status,
    startDate: seconds(record.startDate),
    stopDate: seconds(record.stopDate),
    mapRunArn: record.mapRunArn,
    redriveCount: record.redriveCount,
    redriveDate: seconds(record.redriveDate),
  };
}

export function executionDetail(record: ExecutionRecord): object {
  return {
    ...executionItem(record),
    input: record.input,
    inputDetails: { included: true },
    output: record.output,
    ...(record.output !== undefined && { outputDetails: { included: true } }),
    error: record.error,
    cause: record.cause,
    redriveStatus: 'NOT_REDRIVABLE',
    redriveStatusReason: 'RedriveExecution is not available here. Start a new execution.',
  };
}

export function mapRunItem(run: MapRun): object {
  return {
    executionArn: run.executionArn,
    mapRunArn: run.arn,
    stateMachineArn: run.stateMachineArn,
    startDate: seconds(run.startDate),
    stopDate: seconds(run.stopDate),
  };
}

export function mapRunDetail(run: MapRun): object {
  const { counts, total } = run;
  const started = Object.values(counts).reduce((sum, count) => sum + count, 0);
  // Items are never batched here, so each item is one child execution.
  const both = {
    pending: total - started,
    running: counts.RUNNING,
    succeeded: counts.SUCCEEDED,
    failed: counts.FAILED,
    timedOut: counts.TIMED_OUT,
    aborted: counts.ABORTED,
    total,
    resultsWritten: run.resultsWritten,
  };
  return {
    mapRunArn: run.arn,
    executionArn: run.executionArn,
    status: run.status,
    startDate: seconds(run.startDate),
    stopDate: seconds(run.stopDate),
    maxConcurrency: run.maxConcurrency,
    toleratedFailurePercentage: run.toleratedFailurePercentage,
    toleratedFailureCount: 0,
    itemCounts: both,
    executionCounts: both,
    redriveCount: 0,
  };
}

const DATA_FIELDS = new Set(['input', 'inputDetails', 'output', 'outputDetails', 'parameters']);

/** Returns the event as `includeExecutionData: false` shows it. */
export function withoutData(event: HistoryEvent): object {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).filter(([field]) => !DATA_FIELDS.has(field)))
        : value,
    ]),
  );
}
