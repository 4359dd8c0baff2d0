import { describeError } from '../../core/errors.ts';
import { type JobRow, parseRepositoryName } from '../../core/job.ts';
import type { Findings, RepairRound, ReviewComment } from '../../core/repair.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import type { Context } from '../context.ts';
import { readJobLog } from '../github/check-log.ts';
import { openReader, readerId } from '../github/client.ts';
import { askFeedback, type Failure, type Feedback } from '../github/findings.ts';
import { mayWrite } from '../github/may-write.ts';
import { logger } from '../logger.ts';

/** The attributes that `findRepairs` needs. */
export const REPAIRABLE_ATTRIBUTES = [
  'repositoryName',
  'status',
  'outcome',
  'pullRequest',
  'pullRequestNumber',
  'repairs',
  'shape',
  'patchSha',
] as const satisfies (keyof RepositoryResult)[];
type Row = Pick<RepositoryResult, (typeof REPAIRABLE_ATTRIBUTES)[number]>;

/** What one round of a repair would mend, without the logs of its checks. */
export type Repair = {
  name: string;
  /** The repository's present name. */
  repositoryName: string;
  round: Omit<RepairRound, 'run'>;
  checks: Failure[];
  comments: ReviewComment[];
};

/** A round has to fit the conversation beside everything else. */
const MAX_FINDINGS = 40_000;
const MAX_LOGS = 3;

/** Whether a repair could be due, by what is known without asking GitHub. */
export function mayNeedRepair(row: Row, { pullRequest: wanted }: Pick<JobRow, 'pullRequest'>): boolean {
  const { status, outcome, pullRequest, pullRequestNumber, repairs = [] } = row;
  const { rounds = 0, reviews = false } = wanted?.repair ?? {};
  if (status !== 'completed' || outcome !== 'changed' || repairs.length >= rounds) return false;
  if (pullRequest?.state !== 'open' || pullRequestNumber === undefined) return false;
  if (pullRequest.headSha !== undefined && pullRequest.headSha !== pullRequest.commitSha) return false;
  return pullRequest.checks === 'failing' || (reviews && isNew(pullRequest.commentedAt, repairs));
}

/** The job as a person's request for a repair takes it: its rounds limit only what it does by itself. */
export function withoutLimit<Job extends Pick<JobRow, 'pullRequest'>>(job: Job): Job {
  const repair = { ...job.pullRequest?.repair, rounds: Number.POSITIVE_INFINITY };
  return { ...job, pullRequest: { ...job.pullRequest, repair } };
}

/**
 * Asks GitHub which of these pull requests have something to mend: checks that have ended and failed on the commit of this
 * job while those of the base branch do not fail, or, if the job follows them, new comments of people who may write. A
 * commit whose checks had a round gets no other for them. A change that a person rejected gets none: nothing is paid for what
 * is not wanted.
 */
export async function findRepairs(
  rows: readonly Row[],
  job: Pick<JobRow, 'jobId' | 'pullRequest'>,
  { settings, reviews, artifacts }: Pick<Context, 'settings' | 'reviews' | 'artifacts'>,
): Promise<Repair[]> {
  const candidates = rows.filter((row) => mayNeedRepair(row, job));
  if (candidates.length === 0) return [];
  const decisions = await reviews.decisions(job.jobId, artifacts);
  const wanted = candidates.flatMap((row) => {
    const { repositoryName: name, pullRequest, pullRequestNumber } = row;
    if (decisions.of(row) === 'reject') return [];
    return [{ row, name, repositoryName: pullRequest!.renamedTo ?? name, number: pullRequestNumber! }];
  });
  const found: Repair[] = [];
  // It must not keep the others of the job from their repair.
  const passOver = async ({ name }: { name: string }, error: unknown) =>
    logger.warn('A pull request could not be read, so it is not repaired', {
      ...{ jobId: job.jobId, repositoryName: name, error: describeError(error) },
    });
  for (const group of Map.groupBy(wanted, ({ name }) => readerId(settings, name)).values()) {
    const github = await openReader(settings, group[0]!.name);
    const isWriter = mayWrite(github);
    for await (const [{ row, name, repositoryName }, feedback] of askFeedback(github, group, passOver)) {
      if (!feedback?.isOpen || feedback.headSha !== row.pullRequest!.commitSha) continue;
      const checks = failuresToMend(feedback, row.repairs);
      const newer = job.pullRequest?.repair?.reviews ? newComments(feedback, row.repairs) : [];
      const comments: ReviewComment[] = [];
      for (const one of newer) if (await isWriter(repositoryName, one.author)) comments.push(one);
      if (checks.length + comments.length === 0) continue;
      const round = {
        headSha: feedback.headSha,
        failed: checks.map(({ name: check }) => check),
        comments: comments.length,
        commentsUntil: newer.at(-1)?.at ?? row.repairs?.at(-1)?.commentsUntil,
      };
      found.push({ name, repositoryName, round, checks, comments });
    }
  }
  return found;
}

function failuresToMend(
  { checks, baseFails, headSha, failures }: Feedback,
  repairs: readonly RepairRound[] = [],
): Failure[] {
  if (checks !== 'failing' || baseFails) return [];
  return repairs.some((round) => round.headSha === headSha && round.failed.length > 0) ? [] : failures;
}

function newComments({ comments }: Feedback, repairs: readonly RepairRound[] = []): ReviewComment[] {
  return comments.filter(({ at }) => isNew(at, repairs));
}

function isNew(at: string | undefined, repairs: readonly RepairRound[]): boolean {
  if (at === undefined) return false;
  return repairs.every(({ commentsUntil }) => commentsUntil === undefined || at > commentsUntil);
}

/** What the worker of the repair gets: with the ends of a few logs, and bounded in all. */
export async function findingsOf(
  { name, repositoryName, checks, comments }: Repair,
  run: number,
  { settings }: Pick<Context, 'settings'>,
): Promise<Findings> {
  const { owner, name: repo } = parseRepositoryName(repositoryName);
  const github = await openReader(settings, name);
  const findings: Findings = { run, checks: [], comments: [] };
  let room = MAX_FINDINGS;
  const fits = (value: object) => {
    room -= JSON.stringify(value).length;
    return room >= 0;
  };
  for (const comment of comments) if (fits(comment)) findings.comments.push(comment);
  for (const [i, { job, ...check }] of checks.entries()) {
    const log =
      job !== undefined && i < MAX_LOGS ? await readJobLog(github, { owner, repo }, job) : undefined;
    const whole = { ...check, log: log ?? check.log };
    // The name at least is always given.
    findings.checks.push(fits(whole) ? whole : { ...whole, summary: '', annotations: [], log: '' });
  }
  return findings;
}
