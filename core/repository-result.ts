import { z } from 'zod';
import { AsWritten, ErrorDescription, ReadStatus } from './job.ts';
import { TokenUsage } from './usage.ts';

/** What came of a repository. The first two are `completed`, the others `failed`. */
export const Outcome = z.enum(['changed', 'unchanged', 'gaveUp', 'failed']);
export type Outcome = z.infer<typeof Outcome>;

/** How a conversation ended. */
export const EndReason = z.enum([
  'submitted',
  'gaveUp',
  'maxTurns',
  'maxCost',
  'jobCost',
  'maxMinutes',
  'throttled',
  'stuck',
  'refused',
  'contextExceeded',
]);
export type EndReason = z.infer<typeof EndReason>;

/**
 * Where the work on a repository is. It waits where the model's service limits the rate or fails (in the worker, or in the
 * state machine), and where its pull request waits for its turn.
 */
export const Phase = z.enum([
  'cloning',
  'conversing',
  'verifying',
  'saving',
  'waitingForModel',
  'waitingForSlot',
]);
export type Phase = z.infer<typeof Phase>;

/** What a repository waits for: until when at least (ISO 8601), and how often it has waited so far. */
export const Waiting = z.object({
  until: z.string(),
  /** Absent where it is not counted. */
  times: z.int().optional(),
  /** What was met, in words. */
  reason: z.string().optional(),
});
export type Waiting = z.infer<typeof Waiting>;

/** Files of a change have 10 MiB at most. The sum of 20,000 of these is exact. */
const LineCount = z.int().nonnegative().max(1e9);

/** One changed file. `additions` and `deletions` are lines; both 0 for a binary file. */
export const Change = z.object({
  file: z.string(),
  status: z.enum(['added', 'modified', 'deleted']),
  additions: LineCount,
  deletions: LineCount,
});
export type Change = z.infer<typeof Change>;

export const Verification = z.object({
  command: z.string(),
  /** Null where a signal ended it, a timeout included. */
  exitCode: z.int().nullable(),
  /** Its exit code on the untouched base commit; absent where it was not run there. */
  baseExitCode: z.int().nullable().optional(),
  /** A year at most, which a row can hold. */
  seconds: z
    .number()
    .nonnegative()
    .max(366 * 86_400),
  /** The first and last part, at most 10,000 characters. */
  output: z.string(),
});
export type Verification = z.infer<typeof Verification>;

/** Whether the command failed without the change too, so that its failure says nothing against the change. */
export function failedOnBase({ baseExitCode }: Pick<Verification, 'baseExitCode'>): boolean {
  return baseExitCode !== undefined && baseExitCode !== 0;
}

/** What the task called for and was not done, in the words of whoever did the rest; an entry each. */
export const NotDone = z.array(z.string());

export const LogLine = z.object({ timestamp: z.string(), level: z.string(), message: z.string() });
export type LogLine = z.infer<typeof LogLine>;

/** Keys in the artifact store. */
export const ArtifactKeys = z.object({
  diff: z.string().optional(),
  thread: z.string().optional(),
  changeSet: z.string().optional(),
  log: z.string().optional(),
});
export type ArtifactKeys = z.infer<typeof ArtifactKeys>;

/** What the checks of a pull request's newest commit say together. */
export const ChecksState = z.enum(['none', 'pending', 'passing', 'failing']);
export type ChecksState = z.infer<typeof ChecksState>;

export const PullRequestRecord = z.object({
  /** `failed` where there is none, and `error` says why. */
  state: z.enum(['open', 'closed', 'merged', 'failed']),
  draft: z.boolean().optional(),
  checks: ChecksState.optional(),
  /** The run of the job whose change it shows. */
  run: z.int().optional(),
  /** The commit that was made of the change. */
  commitSha: z.string().optional(),
  /** Its newest commit, whoever made it, when GitHub was last asked. */
  headSha: z.string().optional(),
  /** The repository's name where GitHub has renamed it since the job named it. */
  renamedTo: z.string().optional(),
  /** What was asked for and could not be had, such as a reviewer without access. */
  warnings: z.array(z.string()).optional(),
  mergedAt: z.string().optional(),
  /** When GitHub was last asked, ISO 8601. */
  checkedAt: z.string().optional(),
  error: ErrorDescription.optional(),
});
export type PullRequestRecord = z.infer<typeof PullRequestRecord>;

/** A repository's row in DynamoDB. Times are ISO 8601. */
export const RepositoryResult = z.object({
  jobId: z.string(),
  repositoryName: z.string(),
  status: ReadStatus,
  /** The run of the job that last worked on it. */
  run: z.int().optional(),
  outcome: Outcome.optional(),
  wereChangesNecessary: z.boolean().optional(),
  summary: z.string().optional(),
  notDone: NotDone.optional(),
  /** The model that did the work, as it named itself. */
  model: z.string().optional(),
  /** GitHub's own word, from before any worker started. */
  defaultBranch: z.string().optional(),
  /** The worker's word. */
  baseBranch: z.string().optional(),
  baseSha: z.string().optional(),
  /** At most the first 100 files; `changedFiles` counts them all. */
  changes: z.array(Change).optional(),
  changedFiles: z.int().optional(),
  additions: z.int().optional(),
  deletions: z.int().optional(),
  artifacts: ArtifactKeys.optional(),
  /** Of the change set as it was when the outcome was recorded; no worker may write it, and no other one is published. */
  changeSetSha256: z.string().optional(),
  phase: Phase.optional(),
  /** Only while it waits. */
  waiting: Waiting.optional(),
  end: EndReason.optional(),
  tokenUsage: TokenUsage.optional(),
  costUsd: z.number().optional(),
  /** What earlier runs had cost; part of `tokenUsage` and `costUsd`. */
  earlierRuns: z.object({ tokenUsage: TokenUsage, costUsd: z.number().optional() }).optional(),
  turns: z.int().optional(),
  verification: z.array(Verification).optional(),
  branch: z.string().optional(),
  pullRequestUrl: z.string().optional(),
  pullRequestNumber: z.int().optional(),
  pullRequest: PullRequestRecord.optional(),
  batchJobId: z.string().optional(),
  logStream: z.string().optional(),
  /** Attempts of the Batch job, those before a throttled pause included. */
  attempts: z.int().optional(),
  /** When the repository's turn in the job came and its Batch job was submitted. */
  submittedAt: z.string().optional(),
  /** When Batch began to run it, the latest attempt; by Batch's own clock. Absent while it waits for a place. */
  startedAt: z.string().optional(),
  completedAt: z.string().optional(),
  updatedAt: z.string(),
  /** When its job expires. */
  expiresAt: z.string().optional(),
  logs: z.array(LogLine).optional(),
  error: ErrorDescription.optional(),
});
export type RepositoryResult = z.infer<typeof RepositoryResult>;

/** As the API gives it. */
export const ShownRepositoryResult = RepositoryResult.extend({ asWritten: AsWritten.optional() });

/** What a list shows of a repository. */
export const RepositorySummary = RepositoryResult.pick({
  repositoryName: true,
  status: true,
  outcome: true,
  end: true,
  phase: true,
  waiting: true,
  wereChangesNecessary: true,
  summary: true,
  notDone: true,
  model: true,
  changedFiles: true,
  additions: true,
  deletions: true,
  turns: true,
  tokenUsage: true,
  costUsd: true,
  branch: true,
  pullRequestUrl: true,
  pullRequestNumber: true,
  pullRequest: true,
  startedAt: true,
  completedAt: true,
  updatedAt: true,
  error: true,
});
export type RepositorySummary = z.infer<typeof RepositorySummary>;

/** As the API gives it. */
export const ShownRepositorySummary = RepositorySummary.extend({ asWritten: AsWritten.optional() });
