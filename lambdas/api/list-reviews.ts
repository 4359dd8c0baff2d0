import { z } from 'zod';
import { InvalidInputError } from '../../core/errors.ts';
import { inParallel } from '../../core/in-parallel.ts';
import { JobId } from '../../core/job.ts';
import { Review } from '../../core/review.ts';
import { PARALLEL } from '../../core/store/repository-table.ts';
import { REVIEW_KEY_PREFIX, reviewKey } from '../../core/store/tables.ts';
import type { Context } from '../context.ts';
import { route } from './route.ts';
import { touchableNames } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });

const query = z.strictObject({
  // A note has up to 2,000 characters.
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().optional(),
});

const ReviewList = z.object({
  jobId: z.string(),
  reviews: z.array(Review),
  /** Absent on the last page. */
  cursor: z.string().optional(),
});

/** The recorded decisions: those about repositories by name, then those about shapes. Whether one still covers a repository's change is in the rows, as `review`. */
export const listReviews = route(
  'GET',
  '/jobs/{jobId}/reviews',
  {
    role: 'viewer',
    summary: "The decisions about a job's changes, one for each decided shape or repository.",
    params,
    query,
    isFiltered: true,
    hasETag: true,
    responses: { 200: ReviewList },
  },
  async ({ params: { jobId }, query: { limit, cursor }, access, createdBy }, context) => {
    const { jobs, reviews } = context;
    const after = cursor === undefined ? undefined : keyOfCursor(cursor);
    await jobs.get(jobId);
    const mine = await touchableNames(jobId, { access, createdBy }, context);
    const page = mine
      ? pageOf(await ofMine(jobId, await reviews.list(jobId), new Set(mine), context), { limit, after })
      : await reviews.page(jobId, { limit, after });
    return { json: { jobId, reviews: page.reviews, ...(page.next && { cursor: cursorOf(page.next) }) } };
  },
);

function pageOf(
  all: readonly Review[],
  { limit, after }: { limit: number; after: string | undefined },
): Awaited<ReturnType<Context['reviews']['page']>> {
  const rest = all.filter((review) => after === undefined || reviewKey(review) > after);
  const reviews = rest.slice(0, limit);
  return { reviews, ...(rest.length > limit && { next: reviewKey(reviews.at(-1)!) }) };
}

function cursorOf(key: string): string {
  return Buffer.from(key).toString('base64url');
}

const KEY = new RegExp(`^${REVIEW_KEY_PREFIX}(?:repository|shape)#`);

function keyOfCursor(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString();
  // A longer key is one that DynamoDB refuses.
  if (KEY.test(key) && Buffer.byteLength(key) <= 1024 && cursorOf(key) === cursor) return key;
  throw new InvalidInputError('The cursor was not made by this API.', {
    field: 'cursor',
    received: cursor,
    expected: 'the cursor of the page before',
  });
}

/** The decisions about changes that the caller may see; that of a shape covers those of them without one of their own. */
async function ofMine(
  jobId: string,
  all: readonly Review[],
  mine: ReadonlySet<string>,
  { reviews, artifacts }: Context,
): Promise<Review[]> {
  const own = new Map(all.map((review) => [review.repositoryName, review]));
  const hasOwn = (name: string, { decidedAt }: Review) => {
    const before = own.get(name);
    return before !== undefined && before.decision !== 'undecided' && before.decidedAt <= decidedAt;
  };
  const shown: Review[][] = all.map(() => []);
  // Each shape has a list to read, and a job may have thousands of shapes.
  await inParallel([...all.entries()], PARALLEL, async ([i, review]) => {
    const { repositoryName } = review;
    if (repositoryName !== undefined) {
      if (mine.has(repositoryName)) shown[i] = [review];
      return;
    }
    const names = (await reviews.covered(jobId, review, artifacts)).filter((name) => mine.has(name));
    const covers = names.filter((name) => !hasOwn(name, review)).length;
    if (names.length > 0) shown[i] = [{ ...review, covers }];
  });
  return shown.flat();
}
