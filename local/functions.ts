import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context as LambdaContext,
} from 'aws-lambda';
import type { EventFunction } from '../core/events.ts';
import { ROTATE_CREDENTIAL } from '../lambdas/api/admin/rotate-credential-route.ts';
import { matchPath } from '../lambdas/api/answer.ts';
import { handler as credentials } from '../lambdas/api/credentials.ts';
import { handler as api } from '../lambdas/api/handler.ts';
import { handler as batchJobRunning } from '../lambdas/events/batch-job-running.ts';
import { handler as executionEnded } from '../lambdas/events/execution-ended.ts';
import { handler as jobChanged } from '../lambdas/events/job-changed.ts';
import { handler as reconcile } from '../lambdas/events/reconcile.ts';
import { handler as sendNotices } from '../lambdas/events/send-notices.ts';
import { handler as trackPullRequests } from '../lambdas/events/track-pull-requests.ts';
import { handler as completeJob } from '../lambdas/steps/complete-job.ts';
import { handler as failJob } from '../lambdas/steps/fail-job.ts';
import { handler as openPullRequest } from '../lambdas/steps/open-pull-request.ts';
import { handler as recordFailure } from '../lambdas/steps/record-failure.ts';
import { handler as recordPullRequestFailure } from '../lambdas/steps/record-pull-request-failure.ts';
import { handler as recordResult } from '../lambdas/steps/record-result.ts';
import { handler as removeJob } from '../lambdas/steps/remove-job.ts';
import { handler as reserveSlot } from '../lambdas/steps/reserve-slot.ts';
import { handler as resolvePullRequests } from '../lambdas/steps/resolve-pull-requests.ts';
import { handler as resolveRepositories } from '../lambdas/steps/resolve-repositories.ts';
import { functionContext } from './function-context.ts';
import type { ScheduledFunction } from './schedules.ts';

// Each handler parses its input, so any payload may be passed.
type Handler = (payload: never, context: LambdaContext) => Promise<unknown>;

/** The functions that events, schedules and the stream of the jobs table invoke. */
type Listener = EventFunction | ScheduledFunction | 'JobChanged';

/** The functions of a stack, in this process or elsewhere. Each method throws the error of the function. */
export type Functions = {
  /** The names of the states that invoke a function. */
  readonly steps: readonly string[];
  /** By the state's name. */
  invokeStep(name: string, payload: unknown): Promise<unknown>;
  invokeListener(name: Listener, event: object): Promise<unknown>;
  answerApi(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2>;
};

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
  RemoveJob: removeJob,
};

const listeners: Readonly<Record<Listener, Handler>> = {
  ExecutionEnded: executionEnded,
  BatchJobRunning: batchJobRunning,
  Reconcile: reconcile,
  TrackPullRequests: trackPullRequests,
  JobChanged: jobChanged,
  SendNotices: sendNotices,
};

/** The functions in this process. */
export const functionsHere: Functions = {
  steps: Object.keys(stepFunctions),
  async invokeStep(name, payload) {
    const handler = stepFunctions[name];
    if (!handler)
      throw new TypeError(
        `There is no function ${JSON.stringify(name)}. The functions are ${this.steps.join(', ')}.`,
      );
    return (await handler(payload as never, functionContext(name))) ?? null;
  },
  invokeListener: (name, event) => listeners[name](event as never, functionContext(name)),
  answerApi: (event) =>
    apiFunctionOf(event) === 'api'
      ? api(event, functionContext('api'))
      : credentials(event, functionContext('credentials')),
};

/** The function that API Gateway would send a request to (lib/api.ts). */
export function apiFunctionOf({ rawPath, requestContext }: APIGatewayProxyEventV2): 'api' | 'credentials' {
  const { method, path } = ROTATE_CREDENTIAL;
  const isOfCredentials =
    requestContext.http.method === method && matchPath(path, rawPath.replace(/^\/api(?=\/)/, ''));
  return isOfCredentials ? 'credentials' : 'api';
}
