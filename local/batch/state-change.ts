import { randomUUID } from 'node:crypto';
import type { JobDetail } from '@aws-sdk/client-batch';

/**
 * The event as EventBridge delivers it. `detail` is the job as DescribeJobs shows it.
 * https://docs.aws.amazon.com/batch/latest/userguide/batch_job_events.html
 */
export type JobStateChangeEvent = {
  version: '0';
  id: string;
  'detail-type': 'Batch Job State Change';
  source: 'aws.batch';
  account: string;
  /** ISO 8601, in whole seconds. */
  time: string;
  region: string;
  resources: string[];
  detail: JobDetail;
};

export function jobStateChangeEvent(detail: JobDetail): JobStateChangeEvent {
  const [, , , region = '', account = ''] = detail.jobArn!.split(':');
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Batch Job State Change',
    source: 'aws.batch',
    account,
    time: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    region,
    resources: [detail.jobArn!],
    detail,
  };
}
