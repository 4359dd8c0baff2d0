import type { Context } from 'aws-lambda';
import { handler as executionEnded } from '../lambdas/events/execution-ended.ts';
import { handler as reconcile } from '../lambdas/events/reconcile.ts';
import { handler as trackPullRequests } from '../lambdas/events/track-pull-requests.ts';
import { handler as completeJob } from '../lambdas/steps/complete-job.ts';
import { handler as failJob } from '../lambdas/steps/fail-job.ts';
import { handler as openPullRequest } from '../lambdas/steps/open-pull-request.ts';
import { handler as recordFailure } from '../lambdas/steps/record-failure.ts';
import { handler as recordPullRequestFailure } from '../lambdas/steps/record-pull-request-failure.ts';
import { handler as recordResult } from '../lambdas/steps/record-result.ts';
import { handler as reserveSlot } from '../lambdas/steps/reserve-slot.ts';
import { handler as resolvePullRequests } from '../lambdas/steps/resolve-pull-requests.ts';
import { handler as resolveRepositories } from '../lambdas/steps/resolve-repositories.ts';
import { functionContext } from './function-context.ts';

// Each handler parses its own input, so here any payload may go in.
type Handler = (payload: never, context: Context) => Promise<unknown>;

/** The functions that the state machine invokes, by the state's name. */
export const stepFunctions: Readonly<Record<string, Handler>> = {
  ResolveRepositories: resolveRepositories,
  RecordResult: recordResult,
  RecordFailure: recordFailure,
  ResolvePullRequests: resolvePullRequests,
  ReserveSlot: reserveSlot,
  OpenPullRequest: openPullRequest,
  RecordPullRequestFailure: recordPullRequestFailure,
  CompleteJob: completeJob,
  FailJob: failJob,
};

/** Lambda's Invoke, in this process. Throws what the handler throws. */
export async function invokeStep(name: string, payload: unknown): Promise<unknown> {
  const handler = stepFunctions[name];
  if (!handler)
    throw new TypeError(`There is no function ${name}; there are ${Object.keys(stepFunctions).join(', ')}.`);
  return (await handler(payload as never, functionContext(name))) ?? null;
}

/** EventBridge's delivery of "Step Functions Execution Status Change". The function logs what fails in it. */
export async function deliverExecutionEvent(event: unknown): Promise<void> {
  await executionEnded(event as never, functionContext('ExecutionEnded')).catch(() => {});
}

/** What EventBridge's schedules invoke, with the seconds between. Each logs what fails in it. */
export const schedules: readonly { seconds: number; run(): Promise<void> }[] = [
  { seconds: 60, run: scheduled('Reconcile', reconcile) },
  { seconds: 60, run: scheduled('TrackPullRequests', trackPullRequests) },
];

function scheduled(name: string, handler: (event: object, context: Context) => Promise<unknown>) {
  return () =>
    handler({}, functionContext(name)).then(
      () => {},
      () => {},
    );
}
