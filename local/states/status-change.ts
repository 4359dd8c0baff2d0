import { randomUUID } from 'node:crypto';
import type { ExecutionRecord, ExecutionStatus } from './execution-record.ts';

/**
 * The event as EventBridge delivers it, with `startDate` and `stopDate` in epoch milliseconds.
 * https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 */
export type StatusChangeEvent = {
  version: '0';
  id: string;
  'detail-type': 'Step Functions Execution Status Change';
  source: 'aws.states';
  account: string;
  /** ISO 8601. */
  time: string;
  region: string;
  resources: string[];
  detail: {
    executionArn: string;
    stateMachineArn: string;
    name: string;
    status: ExecutionStatus;
    startDate: number;
    stopDate: number | null;
    /** JSON text. */
    input: string;
    inputDetails: { included: boolean };
    /** JSON text. */
    output: string | null;
    outputDetails: { included: boolean } | null;
    error: string | null;
    cause: string | null;
    redriveCount: number;
    redriveDate: number | null;
  };
};

export function statusChangeEvent(
  record: ExecutionRecord,
  place: { region: string; accountId: string },
): StatusChangeEvent {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account: place.accountId,
    time: new Date().toISOString(),
    region: place.region,
    resources: [record.arn],
    detail: {
      executionArn: record.arn,
      stateMachineArn: record.stateMachineArn,
      name: record.name,
      status: record.status,
      startDate: record.startDate,
      stopDate: record.stopDate ?? null,
      input: record.input,
      inputDetails: { included: true },
      output: record.output ?? null,
      outputDetails: record.output === undefined ? null : { included: true },
      error: record.error ?? null,
      cause: record.cause ?? null,
      redriveCount: record.redriveCount,
      redriveDate: record.redriveDate ?? null,
    },
  };
}
