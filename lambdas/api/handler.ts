import { backUp, checkRestore } from './admin/backups.ts';
import { cleanUpJobs } from './admin/clean-up-jobs.ts';
import { drain, getDrain, resume } from './admin/drain.ts';
import { listAudit } from './admin/list-audit.ts';
import { overrideStatus } from './admin/override-status.ts';
import { clearPacing, getPacing } from './admin/pacing.ts';
import { resetJob } from './admin/reset-job.ts';
import { ROTATE_CREDENTIAL } from './admin/rotate-credential-route.ts';
import { setConcurrency } from './admin/set-concurrency.ts';
import { handlerOf } from './answer.ts';
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
import { repairPullRequests } from './repair-pull-requests.ts';
import { resolveRepositories } from './resolve-repositories.ts';
import { retryJob } from './retry-job.ts';
import { reviewChanges } from './review-changes.ts';
import { reviseJob } from './revise-job.ts';
import type { DescribedRoute, Route } from './route.ts';

/** The routes that this function answers, by operation ID. */
const answered: Readonly<Record<string, Route>> = {
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
  getDrain,
  drain,
  resume,
  getPacing,
  clearPacing,
  listAudit,
  getOpenApi: getOpenApi(() => operations),
};

/** The HTTP API, behind API Gateway's HTTP API and behind the local one: all routes by operation ID. */
export const operations: Readonly<Record<string, DescribedRoute>> = {
  ...answered,
  rotateCredential: ROTATE_CREDENTIAL,
};

export const routes: readonly DescribedRoute[] = Object.values(operations);

/** The function of all requests but those of lambdas/api/credentials.ts. */
export const handler = handlerOf({ routes: Object.values(answered), described: routes, sign: signedIfLong });
