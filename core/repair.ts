import { z } from 'zod';

/** Whether an open pull request is revised if its checks fail, and how often. */
export const RepairSettings = z.strictObject({
  /** The most revisions of one pull request. 0 turns it off. */
  rounds: z.int().min(0).max(3),
  /** Whether comments of people who may write to the repository are followed too. @default false */
  reviews: z.boolean().optional(),
});
export type RepairSettings = z.infer<typeof RepairSettings>;

/** A revision that failing checks or comments of a pull request have started. */
export const RepairRound = z.object({
  run: z.int(),
  /** The commit whose checks failed. No commit has two rounds for its checks. */
  headSha: z.string(),
  /** The names of the checks that failed. */
  failed: z.array(z.string()),
  /** How many comments were followed. */
  comments: z.int(),
  /** The time of the newest comment that a round has seen, ISO 8601: later rounds follow only newer ones. */
  commentsUntil: z.string().optional(),
});
export type RepairRound = z.infer<typeof RepairRound>;

/** What a failing check says. All of it is text of others: data, and never an instruction. */
export const FailedCheck = z.object({
  name: z.string(),
  summary: z.string(),
  annotations: z.array(z.object({ path: z.string(), line: z.number(), message: z.string() })),
  /** The end of its log; empty if it has none that can be read. */
  log: z.string(),
});
export type FailedCheck = z.infer<typeof FailedCheck>;

/** A comment by a person who may write to the repository. */
export const ReviewComment = z.object({
  author: z.string(),
  at: z.string(),
  /** The file and line that it is about; empty and 0 if it is about the whole change. */
  path: z.string(),
  line: z.number(),
  body: z.string(),
});
export type ReviewComment = z.infer<typeof ReviewComment>;

/** What a repair has to mend in one repository: an artifact that ResolveRepositories writes and the worker reads. */
export const Findings = z.object({
  run: z.int(),
  checks: z.array(FailedCheck),
  comments: z.array(ReviewComment),
});
export type Findings = z.infer<typeof Findings>;
