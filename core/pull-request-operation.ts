import { z } from 'zod';

/**
 * What a publish run does with pull requests. `open` opens or updates them; the others are for those that are open. `merge`
 * merges what is green now, and `autoMerge` lets GitHub merge it once it is.
 */
export const PullRequestOperation = z.enum([
  'open',
  'rebase',
  'merge',
  'autoMerge',
  'close',
  'comment',
  'requestReviews',
]);
export type PullRequestOperation = z.infer<typeof PullRequestOperation>;

export const MergeMethod = z.enum(['merge', 'squash', 'rebase']);
export type MergeMethod = z.infer<typeof MergeMethod>;

/** An operation and what it needs. */
export const AskedOperation = z.object({
  /** @default open */
  operation: PullRequestOperation.optional(),
  /** The text of `comment`, and of the comment with which `close` says why. */
  comment: z.string().min(1).max(10_000).optional(),
  /** Of `merge` and `autoMerge`. @default squash */
  mergeMethod: MergeMethod.optional(),
});
export type AskedOperation = z.infer<typeof AskedOperation>;
