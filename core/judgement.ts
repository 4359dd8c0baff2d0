import { z } from 'zod';
import { someText } from './some-text.ts';
import { WorkerCost, WorkerTokens } from './usage.ts';

/** How much harm a change could do, in the judge's view. */
export const Risk = z.enum(['low', 'medium', 'high']);
export type Risk = z.infer<typeof Risk>;

export const JudgementReason = z.object({
  /** Empty if the reason is about no single file. */
  file: z.string(),
  /** The line in the changed file. Absent if the reason is about no single line. */
  line: z.int().nonnegative().optional(),
  text: z.string(),
});
export type JudgementReason = z.infer<typeof JudgementReason>;

/** A model's judgement of one submission. */
export const Judgement = z.object({
  /** `none` if no judgement could be had; then no pull request opens before a person approves the change. */
  decision: z.enum(['approve', 'revise', 'reject', 'none']),
  /** Absent with `none`. */
  risk: Risk.optional(),
  reasons: z.array(JudgementReason),
});
export type Judgement = z.infer<typeof Judgement>;

/** The last judgement of a repository's change, and what all its judgements cost: a part of the row's sums. */
export const RecordedJudgement = Judgement.extend({
  rounds: z.int().nonnegative(),
  /** The judge's model. Absent if it never answered. */
  model: z.string().optional(),
  tokenUsage: WorkerTokens,
  costUsd: WorkerCost.optional(),
});
export type RecordedJudgement = z.infer<typeof RecordedJudgement>;

/** The options of a job's judge; an empty object has the job's own model judge. */
export const JudgeSettings = z.strictObject({
  /** @default - the job's model */
  model: z.string().min(1).max(128).optional(),
  /** What the judge has to pay attention to, beyond the task. */
  instructions: someText(20_000).optional(),
});
export type JudgeSettings = z.infer<typeof JudgeSettings>;
