import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { InvalidInputError, OutdatedReviewError } from '../../core/errors.ts';
import { inParallel } from '../../core/in-parallel.ts';
import { JobId, RepositoryName } from '../../core/job.ts';
import { ChangeShapes } from '../../core/repository-result.ts';
import { Decision, digestOfChanges, isReviewable, Review, type ReviewedChange } from '../../core/review.ts';
import { someText } from '../../core/some-text.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import { writeReviewedList } from '../../core/store/review-table.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import type { Context } from '../context.ts';
import { settleReview } from '../run/await-review.ts';
import { unlessDeleted } from '../run/unless-deleted.ts';
import { namesOfJob } from './names-of-job.ts';
import { HttpError } from './problem.ts';
import { route } from './route.ts';
import { touchableNames } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });

/** Decisions about single repositories in one request: each is a write. */
const MAX_DECISIONS = 1000;

const body = z
  .strictObject({
    decision: Decision,
    /** Decides about every change of this shape with one write. */
    shape: ChangeShapes.shape.shape,
    /** Decides about the changes of these repositories, each by its own write. */
    repositories: z.array(RepositoryName).min(1).max(MAX_DECISIONS).optional(),
    /** The digest of the changes that the reviewer saw; an approval needs it. */
    seen: Review.shape.seen.optional(),
    note: someText(2000).optional(),
  })
  .refine(({ shape, repositories }) => (shape === undefined) !== (repositories === undefined), {
    error: 'expected either shape or repositories',
    path: ['shape'],
  })
  .refine(({ decision, seen }) => decision !== 'approve' || seen !== undefined, {
    error:
      'expected the SHA-256 of a line "{repositoryName} {patchSha}" for each change that the reviewer saw',
    path: ['seen'],
  });

const Decided = z.object({ reviews: z.array(Review) });

/** Records a person's decision about all changes of a shape, or about those of some repositories. Starts nothing. */
export const reviewChanges = route(
  'POST',
  '/jobs/{jobId}/reviews',
  {
    role: 'runner',
    summary: 'Records a decision about the changes of a shape or of some repositories. Starts nothing.',
    params,
    body,
    isFiltered: true,
    responses: { 200: Decided },
    problems: [409],
  },
  async ({ params: { jobId }, body, createdBy, access }, context) => {
    const { jobs, now } = context;
    const { expiresAt, review: policy } = await jobs.get(jobId);
    const mine = await touchableNames(jobId, { access, createdBy }, context);
    const changes = await changesToDecide(jobId, body, mine && new Set(mine), context);
    requireSeen(body.seen, changes);
    // Who may not touch all of the job decides about no member of the shape that is hidden, or that joins it later.
    const isOfShape = body.shape !== undefined && mine === undefined;
    if (!isOfShape) refuseTooMany(changes);
    const common = {
      decision: body.decision,
      note: body.note,
      decidedBy: createdBy,
      decidedAt: now(),
    };
    const ownDecisions = isOfShape ? await countOwnDecisions(jobId, changes, context) : 0;
    const reviews = isOfShape ? [] : changes.map((change) => reviewOfOne(change, common));
    const mark = randomUUID();
    if (policy === 'required') await jobs.beginReview(jobId, { since: common.decidedAt, mark });
    const record = async () => {
      if (isOfShape) {
        const seen = await writeReviewedList(jobId, changes, context.artifacts);
        reviews.push({ ...common, shape: body.shape, seen, covers: changes.length - ownDecisions });
      }
      await inParallel(reviews, PARALLEL, (review) => context.reviews.put(jobId, review, expiresAt));
    };
    // A decision that comes behind the deletion would stay.
    await unlessDeleted(jobId, context, record, () => context.repositories.removeAll(jobId));
    await settleReview(jobId, context);
    if (policy === 'required') await jobs.endReview(jobId, mark);
    return { json: { reviews } };
  },
);

/** How many of the changes have a decision of their own, which a decision about their shape does not replace. */
async function countOwnDecisions(
  jobId: string,
  changes: readonly ReviewedChange[],
  { reviews }: Context,
): Promise<number> {
  const patches = new Map(changes.map(({ repositoryName, patchSha }) => [repositoryName, patchSha]));
  const all = await reviews.list(jobId);
  return all.filter(
    ({ repositoryName, patchSha, decision }) =>
      repositoryName !== undefined &&
      decision !== 'undecided' &&
      patchSha !== undefined &&
      patches.get(repositoryName) === patchSha,
  ).length;
}

function reviewOfOne(
  change: ReviewedChange,
  common: Pick<Review, 'decision' | 'note' | 'decidedBy' | 'decidedAt'>,
): Review {
  return { ...common, ...change, seen: digestOfChanges([change]), covers: 1 };
}

/** The changes that the request is about. Throws InvalidInputError if there is none, or a named repository has none. */
async function changesToDecide(
  jobId: string,
  { shape, repositories }: z.infer<typeof body>,
  mine: ReadonlySet<string> | undefined,
  { repositoryIndex }: Context,
): Promise<ReviewedChange[]> {
  const all = await repositoryIndex.listRows(jobId);
  const rows = mine ? all.filter(({ repositoryName }) => mine.has(repositoryName)) : all;
  if (repositories) return changesOfNames(jobId, repositories, rows);
  const changes = rows.filter(isReviewable).filter((row) => row.shape === shape);
  if (changes.length > 0) return changes.map(changeOf);
  throw new InvalidInputError(
    `The job ${jobId} has no change of the shape ${shape}. GET /jobs/${jobId}/rows has the shape of each change.`,
    { field: 'shape', received: shape, expected: 'the shape of a change of this job' },
  );
}

function changesOfNames(
  jobId: string,
  wanted: readonly string[],
  rows: readonly SummaryRow[],
): ReviewedChange[] {
  const byName = new Map(rows.map((row) => [row.repositoryName, row]));
  const names = namesOfJob(jobId, wanted, [...byName.keys()]);
  return names.map((name) => {
    const row = byName.get(name)!;
    if (isReviewable(row)) return changeOf(row);
    throw new InvalidInputError(
      `${name} has no change to decide about (${row.outcome ?? row.status}). Leave it out.`,
      { field: 'repositories', received: name, expected: 'repositories whose outcome is changed' },
    );
  });
}

function changeOf({ repositoryName, patchSha }: ReviewedChange): ReviewedChange {
  return { repositoryName, patchSha };
}

/** Throws 403: only the decision about a whole shape is one write for any number of changes. */
function refuseTooMany(changes: readonly ReviewedChange[]): void {
  if (changes.length <= MAX_DECISIONS) return;
  throw new HttpError(
    403,
    `The shape has ${changes.length} changes that you may touch, and not all of its changes; you can decide about ${MAX_DECISIONS} of them at once. Name these in repositories, or ask a person who may touch all of the job.`,
  );
}

/** Another run may have changed a patch, or added a member to the shape, after the reviewer looked. */
function requireSeen(seen: string | undefined, changes: readonly ReviewedChange[]): void {
  const current = digestOfChanges(changes);
  if (seen === undefined || seen === current) return;
  throw new OutdatedReviewError(
    `The changes are not those that the reviewer saw: the digest of the ${changes.length} changes now is ${current}, and seen is ${seen}. Read the rows again, show them, and decide again. Nothing was recorded.`,
    { field: 'seen', received: seen, expected: current },
  );
}
