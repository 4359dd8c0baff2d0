import { z } from 'zod';
import { AsWritten, ErrorDescription, ReadStatus, Status } from './job.ts';
import { RecordedJudgement, Risk } from './judgement.ts';
import { MergeMethod } from './pull-request-operation.ts';
import { RepairRound } from './repair.ts';
import { TokenUsage } from './usage.ts';

/** The result of a repository. The first two have the status `completed`, the others `failed`. */
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
 * The current phase of the work. `waitingForModel`: the model's service throttles or fails, and the worker or the state
 * machine waits. `waitingForSlot`: the pull request waits for the rate limiter.
 */
export const Phase = z.enum([
  'cloning',
  'conversing',
  'verifying',
  'judging',
  'saving',
  'waitingForModel',
  'waitingForSlot',
]);
export type Phase = z.infer<typeof Phase>;

/** A wait of a repository: its earliest end (ISO 8601), and the number of waits so far. */
export const Waiting = z.object({
  until: z.string(),
  /** Absent if waits are not counted. */
  times: z.int().optional(),
  /** The error or limit, for people. */
  reason: z.string().optional(),
});
export type Waiting = z.infer<typeof Waiting>;

/** A file of a change has at most 10 MiB. The sum of 20,000 of these is exact. */
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
  /** Null if a signal ended it, such as by a time-out. */
  exitCode: z.int().nullable(),
  /** Its exit code on the base commit. Absent if it did not run there. */
  baseExitCode: z.int().nullable().optional(),
  /** At most a year. */
  seconds: z
    .number()
    .nonnegative()
    .max(366 * 86_400),
  /** The first and last part, at most 10,000 characters. */
  output: z.string(),
});
export type Verification = z.infer<typeof Verification>;

/** Whether the command also failed without the change, so that its failure does not count against the change. */
export function failedOnBase({ baseExitCode }: Pick<Verification, 'baseExitCode'>): boolean {
  return baseExitCode !== undefined && baseExitCode !== 0;
}

/** The parts of the task that were not done, in the model's words. */
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

/** The combined state of the checks of a pull request's newest commit. */
export const ChecksState = z.enum(['none', 'pending', 'passing', 'failing']);
export type ChecksState = z.infer<typeof ChecksState>;

export const PullRequestRecord = z.object({
  /** `failed` if there is no pull request; `error` has the reason. */
  state: z.enum(['open', 'closed', 'merged', 'failed']),
  draft: z.boolean().optional(),
  checks: ChecksState.optional(),
  /** The names of the checks that fail, in the words of others; at most 10. Absent if none does. */
  failing: z.array(z.string()).optional(),
  /** The run of the job whose change it has. */
  run: z.int().optional(),
  /** The commit of the change. */
  commitSha: z.string().optional(),
  /** The newest commit, of any author, when GitHub was last asked. */
  headSha: z.string().optional(),
  /** The repository's new name, if it was renamed after the job was created. */
  renamedTo: z.string().optional(),
  /** Options that could not be applied, such as a reviewer without access. */
  warnings: z.array(z.string()).optional(),
  mergedAt: z.string().optional(),
  /** GitHub merges it by itself, by this method, once its checks pass. */
  autoMerge: MergeMethod.optional(),
  /** The time of its newest comment or review, ISO 8601. */
  commentedAt: z.string().optional(),
  /** Why this job closed it. Absent if a person closed it. While the state is `open`, the job is about to close it. */
  closedFor: z.enum(['rejected', 'withdrawn']).optional(),
  /** When this job closed it, by GitHub's clock. */
  closedAt: z.string().optional(),
  /** When GitHub was last asked, ISO 8601. */
  checkedAt: z.string().optional(),
  error: ErrorDescription.optional(),
});
export type PullRequestRecord = z.infer<typeof PullRequestRecord>;

/** A version of the rules and a digest: shapes of two versions are never equal. */
const ShapeId = z.string().regex(/^\d{1,6}:[0-9a-f]{32}$/);

/** Which class of changes the diff belongs to, and its SHA-256; `shapesOf` says what they mean. */
export const ChangeShapes = z.object({
  shape: ShapeId.optional(),
  kin: ShapeId.optional(),
  patchSha: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});
export type ChangeShapes = z.infer<typeof ChangeShapes>;

/** The attributes that a run writes while it works, before it has a result. */
const Working = z.object({
  turns: z.int().optional(),
  batchJobId: z.string().optional(),
  logStream: z.string().optional(),
  /** Attempts of the Batch jobs, including those before a throttled pause. */
  attempts: z.int().optional(),
  /** When Batch started the latest attempt, by Batch's clock. Absent while it is queued. */
  startedAt: z.string().optional(),
});
export const WORKING_ATTRIBUTES = Working.keyof().options;

/** What is put back on the row if a revision does not replace its result. */
export const Standing = Working.extend({ status: Status, statusKey: z.string() });
export type Standing = z.infer<typeof Standing>;

/**
 * What a revision did to a completed result. `same`: its patch is equal, so the earlier result stays. `kept`: it did not
 * complete, and the earlier result stays. `notStarted`: the same, before anything was paid.
 */
export const CameTo = z.enum(['replaced', 'same', 'kept', 'notStarted']);
export type CameTo = z.infer<typeof CameTo>;

/**
 * How a revision began: it continued the earlier conversation, or a new one had the prompt, the instruction and the earlier
 * patch, or the work began anew on the base commit with the prompt and the instruction.
 */
export const Began = z.enum(['resumed', 'fromPatch', 'anew']);
export type Began = z.infer<typeof Began>;

/** The newest revision of a result. Apart from `run` and `cameTo`, only what the row itself does not have. */
export const Revision = z.object({
  run: z.int(),
  cameTo: CameTo,
  /** Absent if no worker began. */
  began: Began.optional(),
  outcome: Outcome.optional(),
  end: EndReason.optional(),
  summary: z.string().optional(),
  error: ErrorDescription.optional(),
  artifacts: ArtifactKeys.optional(),
  judgement: RecordedJudgement.optional(),
  completedAt: z.string().optional(),
});
export type Revision = z.infer<typeof Revision>;

/** A repository's row in DynamoDB. Times are ISO 8601. */
export const RepositoryResult = z.object({
  jobId: z.string(),
  repositoryName: z.string(),
  status: ReadStatus,
  /** The run of the job that last worked on it. */
  run: z.int().optional(),
  /** The run whose result this is. Another one than `run` while a revision works on it, and after one that replaced nothing. */
  resultRun: z.int().optional(),
  /** The run whose conversation and patch `run` continues. */
  from: z.int().optional(),
  /** Present only while a revision works on a completed result, which stays in place until then. */
  standing: Standing.optional(),
  revision: Revision.optional(),
  outcome: Outcome.optional(),
  wereChangesNecessary: z.boolean().optional(),
  summary: z.string().optional(),
  notDone: NotDone.optional(),
  /** The model's name in its answers. */
  model: z.string().optional(),
  /** From GitHub, before a worker started. */
  defaultBranch: z.string().optional(),
  /** From the worker. */
  baseBranch: z.string().optional(),
  baseSha: z.string().optional(),
  /** At most the first 100 files; `changedFiles` counts them all. */
  changes: z.array(Change).optional(),
  changedFiles: z.int().optional(),
  additions: z.int().optional(),
  deletions: z.int().optional(),
  artifacts: ArtifactKeys.optional(),
  /** The digest of the change set when the outcome was recorded. No worker may write it, and only this change set is published. */
  changeSetSha256: z.string().optional(),
  ...ChangeShapes.shape,
  phase: Phase.optional(),
  /** Present only while it waits. */
  waiting: Waiting.optional(),
  end: EndReason.optional(),
  tokenUsage: TokenUsage.optional(),
  costUsd: z.number().optional(),
  /** The usage of earlier runs; part of `tokenUsage` and `costUsd`. */
  earlierRuns: z.object({ tokenUsage: TokenUsage, costUsd: z.number().optional() }).optional(),
  ...Working.shape,
  verification: z.array(Verification).optional(),
  /** The last judgement of its change, by the job's judge. */
  judgement: RecordedJudgement.optional(),
  /** The judge's view of the change; always that of `judgement`. */
  risk: Risk.optional(),
  branch: z.string().optional(),
  pullRequestUrl: z.string().optional(),
  pullRequestNumber: z.int().optional(),
  pullRequest: PullRequestRecord.optional(),
  /** The repairs of its pull request, oldest first. */
  repairs: z.array(RepairRound).optional(),
  /** When the Batch job was submitted. */
  submittedAt: z.string().optional(),
  completedAt: z.string().optional(),
  updatedAt: z.string(),
  /** When its job expires. */
  expiresAt: z.string().optional(),
  logs: z.array(LogLine).optional(),
  error: ErrorDescription.optional(),
  /** Only if it failed: equal for repositories that failed in the same way. */
  errorShape: z.string().optional(),
});
export type RepositoryResult = z.infer<typeof RepositoryResult>;

/** The run whose change the row has. */
export function runOfResult({
  resultRun,
  run,
}: Pick<RepositoryResult, 'resultRun' | 'run'>): number | undefined {
  return resultRun ?? run;
}

/** As the API gives it. */
export const ShownRepositoryResult = RepositoryResult.extend({ asWritten: AsWritten.optional() });

/** A repository in a list. */
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
  shape: true,
  kin: true,
  patchSha: true,
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
  errorShape: true,
  error: true,
});
export type RepositorySummary = z.infer<typeof RepositorySummary>;

/** As the API gives it. */
export const ShownRepositorySummary = RepositorySummary.extend({ asWritten: AsWritten.optional() });
