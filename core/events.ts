/**
 * The events that call each function of `lambdas/events`, on AWS by rules of EventBridge and on one machine by its event
 * bus. A rule also names the state machine or the job queue of its environment.
 */
export const EVENT_RULES = {
  ExecutionEnded: {
    source: 'aws.states',
    detailType: 'Step Functions Execution Status Change',
    statuses: ['ABORTED', 'FAILED', 'TIMED_OUT'],
  },
  BatchJobRunning: {
    source: 'aws.batch',
    detailType: 'Batch Job State Change',
    statuses: ['RUNNING'],
  },
} as const;

export type EventFunction = keyof typeof EVENT_RULES;

/** How often TrackPullRequests asks GitHub. */
export const TRACKING_MINUTES = 5;

/**
 * The changes of the jobs table that call JobChanged, by attributes of the new item: a filter of the stream on AWS, and of the
 * local DynamoDB.
 */
export const JOB_CHANGES: readonly Readonly<Record<string, string>>[] = [
  { entity: 'job' },
  { stoppedBy: 'jobCost' },
];
