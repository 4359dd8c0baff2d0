import middy from '@middy/core';
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context as LambdaContext,
} from 'aws-lambda';
import { settings } from '../../core/settings.ts';
import { context } from '../context.ts';
import { logger, withLogger } from '../logger.ts';
import { backUp, checkRestore } from './admin/backups.ts';
import { cleanUpJobs } from './admin/clean-up-jobs.ts';
import { drain, getDrain, resume } from './admin/drain.ts';
import { listAudit } from './admin/list-audit.ts';
import { overrideStatus } from './admin/override-status.ts';
import { clearPacing, getPacing } from './admin/pacing.ts';
import { resetJob } from './admin/reset-job.ts';
import { rotateCredential } from './admin/rotate-credential.ts';
import { setConcurrency } from './admin/set-concurrency.ts';
import { authorize } from './authorization.ts';
import { cancelJob } from './cancel-job.ts';
import { continueJob } from './continue-job.ts';
import { createJob } from './create-job.ts';
import { deleteJob } from './delete-job.ts';
import { getChoice } from './get-choice.ts';
import { getClaudeThread } from './get-claude-thread.ts';
import { getDiff } from './get-diff.ts';
import { getExecution } from './get-execution.ts';
import { getJob } from './get-job.ts';
import { getLog } from './get-log.ts';
import { getMe } from './get-me.ts';
import { getOpenApi } from './get-openapi.ts';
import { getPatches } from './get-patches.ts';
import { getPullRequestHistory } from './get-pull-request-history.ts';
import { getRepositoryResult } from './get-repository-result.ts';
import { getRows } from './get-rows.ts';
import { getTotals } from './get-totals.ts';
import { health } from './health.ts';
import { listJobs } from './list-jobs.ts';
import { listPullRequests } from './list-pull-requests.ts';
import { listRepositories } from './list-repositories.ts';
import { listReviews } from './list-reviews.ts';
import { listRuns } from './list-runs.ts';
import { signedIfLong } from './long-answer.ts';
import { openPullRequests } from './open-pull-requests.ts';
import { HttpError, problemResponse, shorten } from './problem.ts';
import { repairPullRequests } from './repair-pull-requests.ts';
import { resolveRepositories } from './resolve-repositories.ts';
import { retryJob } from './retry-job.ts';
import { reviewChanges } from './review-changes.ts';
import { reviseJob } from './revise-job.ts';
import { compressed, type Route, toResponse } from './route.ts';
import { throttleWrites } from './throttle.ts';

/** The HTTP API, behind API Gateway's HTTP API and behind the local one; the routes by operation ID. */
export const operations: Readonly<Record<string, Route>> = {
  health,
  listRepositories,
  resolveRepositories,
  createJob,
  listJobs,
  getJob,
  getRows,
  getChoice,
  listPullRequests,
  getPullRequestHistory,
  getExecution,
  getPatches,
  listRuns,
  cancelJob,
  retryJob,
  reviseJob,
  continueJob,
  listReviews,
  reviewChanges,
  openPullRequests,
  repairPullRequests,
  deleteJob,
  getRepositoryResult,
  getDiff,
  getClaudeThread,
  getLog,
  getMe,
  getTotals,
  resetJob,
  overrideStatus,
  setConcurrency,
  cleanUpJobs,
  backUp,
  checkRestore,
  rotateCredential,
  getDrain,
  drain,
  resume,
  getPacing,
  clearPacing,
  listAudit,
  getOpenApi: getOpenApi(() => operations),
};

export const routes: readonly Route[] = Object.values(operations);

export async function answer(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  const { method } = event.requestContext.http;
  // `/api/jobs` is `/jobs`, so that a page of the same origin has paths of its own.
  const path = event.rawPath.replace(/^\/api(?=\/)/, '');
  const found = routes.flatMap((route) => {
    const params = matchPath(route.path, path);
    return params ? [{ route, params }] : [];
  });
  if (found.length === 0) {
    throw new HttpError(
      404,
      `There is no route ${shorten(event.rawPath)}. The routes are ${[...new Set(routes.map(({ path }) => path))].join(', ')}.`,
    );
  }
  const match = found.find(({ route }) => route.method === method);
  if (!match) {
    const allow = found.map(({ route }) => route.method).join(', ');
    throw new HttpError(405, `${shorten(event.rawPath)} does not allow ${method}; it allows ${allow}.`, {
      allow,
    });
  }
  const { jobId, owner, name } = match.params;
  logger.appendKeys({ jobId, repositoryName: owner && name && `${owner}/${name}` });
  authorize(event, match.route, settings());
  const opened = context();
  await throttleWrites(event, match.route, opened);
  const output = await match.route.answer(event, match.params, opened);
  const sent = match.route.mayBeSigned
    ? await signedIfLong(output, { jobId: jobId ?? '', headers: event.headers }, opened)
    : output;
  return toResponse(sent, event.headers, match.route);
}

/** The values of the template's `{name}` segments; undefined if the path does not match. */
function matchPath(template: string, path: string): Record<string, string> | undefined {
  const expected = template.split('/');
  const received = path.split('/');
  if (expected.length !== received.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, segment] of expected.entries()) {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name) params[name] = received[i]!;
    else if (segment !== received[i]) return undefined;
  }
  return params;
}

const answered = middy()
  .use({
    onError: (request) => {
      const response = problemResponse(request.error);
      if (response.statusCode === 500) logger.error('The request failed', request.error as Error);
      else if (response.statusCode === 503 && !(request.error instanceof HttpError))
        logger.warn('A service did not answer', request.error as Error);
      request.response = compressed(response, Buffer.from(response.body!), request.event.headers);
    },
  })
  .handler(answer);

export function handler(
  event: APIGatewayProxyEventV2,
  context: LambdaContext,
): Promise<APIGatewayProxyStructuredResultV2> {
  return withLogger(context, () => answered(event, context));
}
