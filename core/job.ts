import { ulid } from 'ulid';
import { z } from 'zod';
import { CommandSecretName } from './command-secrets.ts';
import { alternativesOf } from './globs.ts';
import { JudgeSettings } from './judgement.ts';
import { Notify } from './notice.ts';
import { RepairSettings } from './repair.ts';
import { RepositorySelector } from './repository-selector.ts';
import { someText } from './some-text.ts';
import { TokenUsage } from './usage.ts';
import { ImageName } from './worker-image.ts';

/** The status of a repository of a job. The last three are ends. */
export const Status = z.enum(['pending', 'processing', 'completed', 'failed', 'cancelled']);
export type Status = z.infer<typeof Status>;

/** A status as read: `unknown` if the row has a word that no version of the product writes. */
export const ReadStatus = z.enum([...Status.options, 'unknown']);
export type ReadStatus = z.infer<typeof ReadStatus>;

/** The status of a job. A `waiting` job runs again after a person has decided, at no cost until then. */
export const JobStatus = z.enum(['pending', 'processing', 'waiting', 'completed', 'failed', 'cancelled']);
export type JobStatus = z.infer<typeof JobStatus>;

/** A job's status as read, like `ReadStatus`. */
export const ReadJobStatus = z.enum([...JobStatus.options, 'unknown']);
export type ReadJobStatus = z.infer<typeof ReadJobStatus>;

/** Whether pull requests open only of changes that a person has approved. */
export const ReviewPolicy = z.enum(['required', 'optional']);
export type ReviewPolicy = z.infer<typeof ReviewPolicy>;

/** What a waiting job waits for: a look at its sample, or decisions about its changes. */
export const WaitingFor = z.enum(['sample', 'review']);
export type WaitingFor = z.infer<typeof WaitingFor>;

/** Whether nothing more happens to a repository or a job unless another run is asked for. */
export function isEnded(status: ReadStatus | ReadJobStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** Whether a person has to decide before the job runs again. */
export function isWaiting(status: ReadJobStatus): boolean {
  return status === 'waiting';
}

/** Whether a run of the job is under way. An unknown status counts as running, so that a run may end it. */
export function isRunning(status: ReadJobStatus): boolean {
  return !isEnded(status) && !isWaiting(status);
}

/** `job-` and a ULID, so that identifiers sort by creation. */
export const JobId = z
  .string()
  .regex(/^job-[0-9A-HJKMNP-TV-Z]{26}$/, 'expected job- and a ULID of 26 characters');

export function newJobId(): string {
  return `job-${ulid()}`;
}

// GitHub: an owner has 1–39 letters, digits and inner hyphens (Enterprise's managed users add `_short-code`); a
// repository has 1–100 letters, digits, `.`, `_` and `-`. A leading dash is never accepted, as it could be an option.
const OWNER = '[A-Za-z0-9][A-Za-z0-9_-]{0,61}';
const REPOSITORY = '(?!-)(?!\\.{1,2}$)(?!.*\\.git$)[A-Za-z0-9._-]{1,100}';

/** The two parts of `owner/name`, apart. */
export const OwnerName = z.string().regex(new RegExp(`^${OWNER}$`), "expected an owner's name");
export const NameInOwner = z
  .string()
  .regex(new RegExp(`^${REPOSITORY}$`), "expected a repository's name without its owner");

/** `owner/name`. */
export const RepositoryName = z.string().regex(new RegExp(`^${OWNER}/${REPOSITORY}$`), 'expected owner/name');

/** The two parts of `owner/name`, or of a pattern of repositories. */
export function parseRepositoryName(repositoryName: string): { owner: string; name: string } {
  const [owner = '', name = ''] = repositoryName.split('/');
  return { owner, name };
}

export const Effort = z.enum(['low', 'medium', 'high', 'xhigh', 'max']);

const CommandLine = z.string().min(1).max(4096);
const Glob = z
  .string()
  .min(1)
  .max(256)
  .refine((glob) => alternativesOf(glob) <= 200, 'expected a glob whose braces expand to at most 200 globs');

/** DynamoDB has no number closer to 0 than 1e-130. */
const Amount = z.number().min(0.000001);

// A reference name by `git check-ref-format`, without names that a command line could take for an option. The
// pattern is only as much of it as generators of requests can read.
const IN_BRANCH = String.raw`[^\x00-\x1f\x7f-\x9f\s~^:?*\[\\]`;
const NOT_A_BRANCH = /\.\.|\/\/|@\{|\.lock(?:\/|$)|\/\.|\.$|\/$/;
export const BranchName = z
  .string()
  .max(200)
  .regex(new RegExp(`^(?![-./])${IN_BRANCH}+$`, 'u'), { error: 'expected a git branch name', abort: true })
  .refine((name) => !NOT_A_BRANCH.test(name), 'expected a git branch name');

/** The limits and options of the work on each repository of a job. */
export const JobSettings = z.strictObject({
  /** The model's name as the Messages API knows it. */
  model: z.string().min(1).max(128),
  /** How much effort the model spends on an answer. @default - the model's own */
  effort: Effort.optional(),
  /** The most answers of the model for one repository. */
  maxTurns: z.int().min(1).max(1000),
  /** The most that one repository may cost, in USD. */
  maxCostUsd: Amount.max(10_000),
  /** The most minutes of wall clock for one repository, from the clone to the outcome. */
  maxMinutes: Amount.max(1440),
  /** The worker image, with the toolchain that commands need. @default - the environment's first */
  image: ImageName.optional(),
  /** Shell commands run in the clone before the conversation. */
  setup: z.array(CommandLine).max(20),
  /** Shell commands that must exit 0 before a change counts; the model may run them too. */
  verify: z.array(CommandLine).max(20),
  /** Whether `verify` runs on the base first, so that only commands that pass there must pass. @default true */
  verifyBaseline: z.boolean().optional(),
  /** Whether commands see the base branch's commits and tags, without files, for `git describe`. @default false */
  fetchTags: z.boolean().optional(),
  /** Names of secrets that `setup` gets as environment variables; the setting COMMAND_SECRETS allows them. */
  commandSecrets: z.array(CommandSecretName).max(20).optional(),
  /** The branch to start from. @default - the repository's default branch */
  baseBranch: BranchName.optional(),
  /** Globs of the files that may be changed. Empty allows all. */
  include: z.array(Glob).max(100),
  /** Globs of the files that may not be changed. */
  exclude: z.array(Glob).max(100),
  /** Whether the model may run any shell command. */
  shell: z.boolean(),
  /** The largest patch that counts as an outcome, in KiB. */
  maxPatchKiB: z.int().min(1).max(16_384),
  /** The most files that a change may touch. */
  maxFiles: z.int().min(1).max(10_000),
  /** Globs of protected files (workflows, CODEOWNERS) that this job may change. */
  allowProtected: z.array(Glob).max(100),
  /** A second model that judges each submission. @default - none */
  judge: JudgeSettings.optional(),
});
export type JobSettings = z.infer<typeof JobSettings>;

/** The options of a job's pull requests. */
export const PullRequestSettings = z.strictObject({
  /** @default - the model's title */
  title: z.string().min(1).max(256).optional(),
  /** @default - `cody-batch/{jobId}` */
  branch: BranchName.optional(),
  draft: z.boolean().optional(),
  labels: z.array(z.string().min(1).max(50)).max(20).optional(),
  /** Users as `login`, teams as `organization/team`. GitHub takes 15 reviewers a pull request. */
  reviewers: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z0-9_-]{1,64}(?:\/[A-Za-z0-9._-]{1,100})?$/, 'expected login or organization/team'),
    )
    .max(15)
    .optional(),
  /** Whether the owners of the changed files are asked for a review; GitHub asks them itself, but not for a draft. */
  codeowners: z.boolean().optional(),
  /** Whether the commit carries a Signed-off-by line (DCO). */
  signOff: z.boolean().optional(),
  /**
   * Whether the text fills the repository's own template, or the name of the one to fill in its PULL_REQUEST_TEMPLATE folder.
   * @default true
   */
  template: z.union([z.boolean(), z.string().min(1).max(100)]).optional(),
  /** The most pull requests of this job in an hour. */
  perHour: z.int().min(1).max(500).optional(),
  /** Revises a pull request whose checks fail. @default - never */
  repair: RepairSettings.optional(),
});
export type PullRequestSettings = z.infer<typeof PullRequestSettings>;

/** Options that a later publish may override, for the pull requests that it opens. */
export const PullRequestOverrides = PullRequestSettings.pick({
  title: true,
  branch: true,
  draft: true,
  labels: true,
  reviewers: true,
  template: true,
}).extend({
  /** Replaces the model's text. The facts of the change still follow it. */
  body: z.string().max(10_000).optional(),
});
export type PullRequestOverrides = z.infer<typeof PullRequestOverrides>;

/** How many repositories, or which ones. */
export const Sample = z.union([z.int().min(1).max(10_000), z.array(RepositoryName).min(1).max(1000)]);
export type Sample = z.infer<typeof Sample>;

/** The body of `POST /jobs`. Absent fields take the defaults of core/settings.ts. */
export const JobRequest = z.strictObject({
  name: someText(200).optional(),
  description: z.string().max(2000).optional(),
  /** `code-pattern-update`, `vulnerability-fix`, `dependency-update` or another slug. */
  type: z
    .string()
    .max(64)
    .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'expected a slug such as code-pattern-update')
    .optional(),
  prompt: z
    .string()
    .max(100_000)
    .refine((text) => text.trim() !== '', 'expected the change to make, in words'),
  repositories: z.array(RepositorySelector).min(1),
  /**
   * The repositories of the first run: how many, chosen to differ, or which ones. The others are held back until
   * POST /jobs/{jobId}/continue. @default - all run at once
   */
  sample: Sample.optional(),
  /** The most repositories that the patterns of this job may match. */
  maxRepositories: z.int().min(1).max(10_000).optional(),
  maxConcurrency: z.int().min(1).max(10_000).optional(),
  /** The most that the whole job may cost, in USD. */
  maxCostUsd: Amount.max(1_000_000).optional(),
  createPullRequests: z.boolean().optional(),
  /** With `required`, the job waits after a run until each change is approved or rejected. @default optional */
  review: ReviewPolicy.optional(),
  settings: JobSettings.partial().optional(),
  pullRequest: PullRequestSettings.optional(),
  /** A webhook that gets the notices of this job; JOB_NOTICES allows it. */
  notify: Notify.optional(),
});
export type JobRequest = z.infer<typeof JobRequest>;

/** How many repositories of a job have each status. */
export const Counts = z.object({
  total: z.int().nonnegative(),
  pending: z.int().nonnegative(),
  processing: z.int().nonnegative(),
  completed: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  cancelled: z.int().nonnegative(),
  /** Those of `processing` that wait for the model's service. Absent if there are none. */
  waiting: z.int().nonnegative().optional(),
  /** Those whose rows have an unknown status. Absent if there are none. */
  unknown: z.int().nonnegative().optional(),
});
export type Counts = z.infer<typeof Counts>;

/** The counts of a job's repositories by their status. */
export function countsOf(byStatus: Partial<Record<ReadStatus, number>>): Counts {
  const counts = { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0, ...byStatus };
  return { total: Object.values(counts).reduce((sum, n) => sum + n, 0), ...counts };
}

export const ErrorDescription = z.object({ name: z.string(), message: z.string() });
export type ErrorDescription = z.infer<typeof ErrorDescription>;

/** How many repositories of a job have a pull request in each state; `failed` have none because of an error. */
/** What the newest revision of a job did to the repositories that it took or left out. */
export const RevisionCounts = z.object({
  replaced: z.int(),
  same: z.int(),
  kept: z.int(),
  notStarted: z.int(),
});
export type RevisionCounts = z.infer<typeof RevisionCounts>;

export const PullRequestCounts = z.object({
  open: z.int().nonnegative(),
  merged: z.int().nonnegative(),
  closed: z.int().nonnegative(),
  failed: z.int().nonnegative(),
});
export type PullRequestCounts = z.infer<typeof PullRequestCounts>;

/** A job's row in DynamoDB. Times are ISO 8601. The prompt and the repositories are in `request.json` (JobText). */
export const JobRow = z.object({
  jobId: JobId,
  name: z.string(),
  description: z.string().optional(),
  type: z.string(),
  maxRepositories: z.int(),
  maxConcurrency: z.int(),
  maxCostUsd: z.number(),
  createPullRequests: z.boolean(),
  /** Absent means `optional`. */
  review: ReviewPolicy.optional(),
  settings: JobSettings,
  pullRequest: PullRequestSettings.optional(),
  notify: Notify.optional(),
  /** The number of this job's executions: 1, and one more with each retry and each publish. */
  run: z.int().min(1),
  /** The work of this run: analyze, or only open pull requests of recorded changes. */
  action: z.enum(['analyze', 'revise', 'publish']),
  /** The key of the artifact that says what this run was asked for (core/run-request.ts). */
  request: z.string().optional(),
  status: ReadJobStatus,
  /** Set while a person has to decide something; a run that ends meanwhile leaves the job `waiting`. */
  waitingFor: WaitingFor.optional(),
  /**
   * Present while a decision is being recorded and the status may not follow from it yet: since when, ISO 8601, and which
   * request does that.
   */
  reviewing: z.object({ since: z.string(), mark: z.string() }).optional(),
  /** How many repositories the job holds back behind its sample; they have no rows yet. Absent if it holds none. */
  held: z.int().optional(),
  /** Of the repositories that have rows. */
  counts: Counts,
  /** Absent until the first pull request is tried. */
  pullRequests: PullRequestCounts.optional(),
  /** Absent before the first revision has ended. */
  revisions: RevisionCounts.optional(),
  tokenUsage: TokenUsage,
  /** Absent if a model's price is not known. */
  costUsd: z.number().optional(),
  createdBy: z.string().optional(),
  executionArn: z.string().optional(),
  createdAt: z.string(),
  startedAt: z.string().optional(),
  completedAt: z.string().optional(),
  cancelledAt: z.string().optional(),
  updatedAt: z.string(),
  /** When the job and its data are removed. */
  expiresAt: z.string().optional(),
  error: ErrorDescription.optional(),
});
export type JobRow = z.infer<typeof JobRow>;

type Place = Pick<JobRow, 'jobId' | 'type'> & { repositoryName: string };

/** The text with `{job}`, `{type}` and `{repository}` replaced: the jobId, the job's type, and the name without its owner. */
export function filled(text: string, { jobId, type, repositoryName }: Place): string {
  const values: Record<string, string> = {
    ...{ job: jobId, type },
    repository: parseRepositoryName(repositoryName).name,
  };
  return text.replace(/\{(job|type|repository)\}/g, (_, name: string) => values[name]!);
}

/** The branch of a job's pull request in a repository, whose name may have what a branch may not: `.github`, `a.lock.b`. */
export function branchNameOf(
  { pullRequest, ...job }: Pick<JobRow, 'jobId' | 'type' | 'pullRequest'>,
  repositoryName: string,
  wanted = pullRequest?.branch,
): string {
  const branch = filled(wanted ?? 'cody-batch/{job}', { ...job, repositoryName });
  if (BranchName.safeParse(branch).success) return branch;
  const name = parseRepositoryName(repositoryName).name.replaceAll('.', '-');
  return filled(wanted ?? '', { ...job, repositoryName: `-/${name.replace(/^-+/, '') || 'repository'}` });
}

/** The long texts of a job, in the artifact `request.json`, so that the row stays small. */
export const JobText = z.object({ prompt: z.string(), repositories: z.array(RepositorySelector) });
export type JobText = z.infer<typeof JobText>;

export type Job = JobRow & JobText;

/** The cost of a running job's model calls so far, in USD. */
export const Spending = z.object({
  /** The cost of calls that have ended. */
  settledUsd: z.number(),
  /** The most that calls under way may still cost; a call is part of it until its worker makes the next one. */
  reservedUsd: z.number(),
});
export type Spending = z.infer<typeof Spending>;

/** The stored values of attributes that this version cannot read. */
export const AsWritten = z.record(z.string(), z.unknown());
export type AsWritten = z.infer<typeof AsWritten>;

/** A job in the API. An attribute that cannot be read has a placeholder, which a request might not allow. */
export const ShownJob = JobRow.extend({
  jobId: z.string(),
  /** Absent for a caller who may not touch all of the job's repositories. */
  tokenUsage: TokenUsage.optional(),
  settings: JobSettings.extend({ model: z.string(), maxCostUsd: z.number() }),
  asWritten: AsWritten.optional(),
});

/** A job with its prompt and its repositories. */
export const ShownJobWithText = ShownJob.extend(JobText.shape);
