/**
 * Which events of AWS call which function of `lambdas/events`: the rules of EventBridge on AWS, and what this machine's
 * own deliver. Each is further bound to the state machine or the job queue of its environment.
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

/** How often TrackPullRequests asks GitHub, wherever it runs. */
export const TRACKING_MINUTES = 5;
