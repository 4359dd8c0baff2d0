import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ChangeShapes, type RepositoryResult } from './repository-result.ts';

/** A person's decision about a change. A change without one is undecided. */
export const Decision = z.enum(['approve', 'reject', 'undecided']);
export type Decision = z.infer<typeof Decision>;

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex');

/** One change: a repository, and the patch that it had. */
export type ReviewedChange = { repositoryName: string; patchSha: string };

/** The list of an approved or rejected shape, as it is stored. */
export const ReviewedList = z.array(z.tuple([z.string(), Sha256]));

/** A decision as it is stored: about one shape, or about one repository. Times are ISO 8601. */
export const Review = z.object({
  shape: ChangeShapes.shape.shape,
  repositoryName: z.string().optional(),
  decision: Decision,
  /** The digest of the changes that it covers, by `digestOfChanges`. */
  seen: Sha256,
  /** How many changes it decided about: those of its shape without those that had a decision of their own. */
  covers: z.int().nonnegative(),
  /** The patch that it covers, if it is about one repository. */
  patchSha: ChangeShapes.shape.patchSha,
  note: z.string().optional(),
  /** Absent if requests are not authenticated. */
  decidedBy: z.string().optional(),
  decidedAt: z.string(),
});
export type Review = z.infer<typeof Review>;

/** The changes in the one order in which they are digested and stored. */
export function inOrder(changes: readonly ReviewedChange[]): ReviewedChange[] {
  return [...changes].sort((a, b) => (a.repositoryName < b.repositoryName ? -1 : 1));
}

/**
 * What a client sends as `seen`: the SHA-256, in hex, of one line `{repositoryName} {patchSha}\n` for each change that it
 * showed, sorted by name. So nothing is approved that the reviewer did not see.
 */
export function digestOfChanges(changes: readonly ReviewedChange[]): string {
  const lines = inOrder(changes).map(({ repositoryName, patchSha }) => `${repositoryName} ${patchSha}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}

/** The attributes by which a change is found in the reviews. */
export type Reviewable = Pick<RepositoryResult, 'repositoryName' | 'shape' | 'patchSha'>;

/** The decision about each change of a job. */
export class Decisions {
  readonly #ofRepositories = new Map<string, Review>();
  readonly #ofShapes = new Map<
    string,
    { review: Review; patches: ReadonlyMap<string, string> | undefined }
  >();

  /**
   * `lists` has the changes that each review of a shape covers, by its `seen`. If a list is lost, an approval covers nothing,
   * and a rejection every change of its shape: neither publishes what a person has not approved.
   */
  constructor(
    reviews: readonly Review[],
    lists: ReadonlyMap<string, readonly (readonly [string, string])[]>,
  ) {
    for (const review of reviews) {
      if (review.repositoryName !== undefined) this.#ofRepositories.set(review.repositoryName, review);
      if (review.shape !== undefined)
        this.#ofShapes.set(review.shape, { review, patches: patchesOf(lists.get(review.seen)) });
    }
  }

  /**
   * The review that covers this change: the repository's own, or else its shape's. Returns undefined if none does: a change
   * that has another patch than the one decided about, or that joined its shape later, is undecided.
   */
  reviewOf({ repositoryName, shape, patchSha }: Reviewable): Review | undefined {
    if (patchSha === undefined) return undefined;
    const ofShape = shape === undefined ? undefined : this.#ofShapes.get(shape);
    const review = ofShape && covers(ofShape, repositoryName, patchSha) ? ofShape.review : undefined;
    const own = this.#ofRepositories.get(repositoryName);
    if (own?.patchSha !== patchSha) return review;
    // To take a decision back hides the shape's decision of before, and not one that is made later.
    const isTakenBack = own.decision === 'undecided' && review && review.decidedAt > own.decidedAt;
    return isTakenBack ? review : own;
  }

  /** `undecided` is never stored in a row or shown as a decision: returns undefined for it. */
  of(change: Reviewable): 'approve' | 'reject' | undefined {
    const decision = this.reviewOf(change)?.decision;
    return decision === 'undecided' ? undefined : decision;
  }
}

function patchesOf(list: readonly (readonly [string, string])[] | undefined) {
  return list && new Map(list);
}

function covers(
  { review, patches }: { review: Review; patches: ReadonlyMap<string, string> | undefined },
  repositoryName: string,
  patchSha: string,
): boolean {
  return patches ? patches.get(repositoryName) === patchSha : review.decision === 'reject';
}

/** Whether a repository has a change that a person can decide about. */
export function isReviewable<Row extends Pick<RepositoryResult, 'outcome' | 'patchSha'>>(
  row: Row,
): row is Row & { patchSha: string } {
  return row.outcome === 'changed' && row.patchSha !== undefined;
}
