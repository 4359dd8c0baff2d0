import { ulid } from 'ulid';
import { z } from 'zod';
import { CommandSecretName } from './command-secrets.ts';
import { alternativesOf } from './globs.ts';
import { TokenUsage } from './usage.ts';

/** The status of a job and of each of its repositories. The last three are ends. */
export const Status = z.enum(['pending', 'processing', 'completed', 'failed', 'cancelled']);
export type Status = z.infer<typeof Status>;

/** A status as it is read: `unknown` where the row holds a word that no version of the product writes. */
export const ReadStatus = z.enum([...Status.options, 'unknown']);
export type ReadStatus = z.infer<typeof ReadStatus>;

export function isEnded(status: ReadStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
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

/** `owner/name`. */
export const RepositoryName = z.string().regex(new RegExp(`^${OWNER}/${REPOSITORY}$`), 'expected owner/name');

/** The two parts of `owner/name`, or of a pattern of repositories. */
export function parseRepositoryName(repositoryName: string): { owner: string; name: string } {
  const [owner = '', name = ''] = repositoryName.split('/');
  return { owner, name };
}

/** `owner/name`, or `owner/*` for every repository of that owner. */
export const RepositoryPattern = z
  .string()
  .regex(new RegExp(`^${OWNER}/(?:\\*|${REPOSITORY})$`), 'expected owner/name or owner/*');

export const Effort = z.enum(['low', 'medium', 'high', 'xhigh', 'max']);

const CommandLine = z.string().min(1).max(4096);
const Glob = z
  .string()
  .min(1)
  .max(256)
  .refine((glob) => alternativesOf(glob) <= 200, 'expected a glob whose braces stand for at most 200 globs');

/** DynamoDB has no number that is closer to 0 than 1e-130, and no work is that small. */
const Amount = z.number().min(0.000001);

// A git reference name by `git check-ref-format`, narrowed to what can stand on a command line.
export const BranchName = z
  .string()
  .max(200)
  .regex(
    /^(?!-)(?!.*(?:\.\.|\/\/|@\{|\.lock(?:\/|$)|\/\.|\.$|\/$))(?![./])[^\s~^:?*[\\\p{Cc}]+$/u,
    'expected a git branch name',
  );

/** What bounds and shapes the work on each repository of a job. */
export const JobSettings = z.strictObject({
  /** The model's name as the Messages API knows it. */
  model: z.string().min(1).max(128),
  /** How much the model puts into an answer; the model's own default where absent. */
  effort: Effort.optional(),
  /** The most answers of the model for one repository. */
  maxTurns: z.int().min(1).max(1000),
  /** The most that one repository may cost, in USD. */
  maxCostUsd: Amount.max(10_000),
  /** The most minutes of wall clock for one repository, from the clone to the outcome. */
  maxMinutes: Amount.max(1440),
  /** Shell commands run in the clone before the conversation. */
  setup: z.array(CommandLine).max(20),
  /** Shell commands that must exit 0 before a change counts; the model may run them too. */
  verify: z.array(CommandLine).max(20),
  /** Whether `verify` is run on the untouched base first, so that only what passed there must pass; true where absent. */
  verifyBaseline: z.boolean().optional(),
  /** Whether commands have the base branch's commits and tags, without files, as `git describe` needs them; false where absent. */
  fetchTags: z.boolean().optional(),
  /** Names of secrets that `setup` gets as environment variables; COMMAND_SECRETS of the environment allows them. */
  commandSecrets: z.array(CommandSecretName).max(20).optional(),
  /** The branch to start from; the repository's default branch where absent. */
  baseBranch: BranchName.optional(),
  /** Globs of the files that may be changed; all where empty. */
  include: z.array(Glob).max(100),
  /** Globs of the files that may not be changed. */
  exclude: z.array(Glob).max(100),
  /** Whether the model may run any shell command. */
  shell: z.boolean(),
  /** The largest patch that counts as an outcome, in KiB. */
  maxPatchKiB: z.int().min(1).max(16_384),
  /** The most files that a change may touch. */
  maxFiles: z.int().min(1).max(10_000),
  /** Globs of protected files (workflows, CODEOWNERS) that this job may change all the same. */
  allowProtected: z.array(Glob).max(100),
});
export type JobSettings = z.infer<typeof JobSettings>;

/** How pull requests of a job look. */
export const PullRequestSettings = z.strictObject({
  /** The model's own title where absent. */
  title: z.string().min(1).max(256).optional(),
  /** `cody-batch/{jobId}` where absent. */
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
  /** Whether those whom CODEOWNERS names for the changed files are asked too; GitHub does so by itself unless it is a draft. */
  codeowners: z.boolean().optional(),
  /** Whether the commit carries a Signed-off-by line (DCO). */
  signOff: z.boolean().optional(),
  /** The most pull requests of this job in an hour. */
  perHour: z.int().min(1).max(500).optional(),
});
export type PullRequestSettings = z.infer<typeof PullRequestSettings>;

/** What a request to publish later may say otherwise than the job did, of the pull requests that it opens. */
export const PullRequestOverrides = PullRequestSettings.pick({
  title: true,
  branch: true,
  draft: true,
  labels: true,
  reviewers: true,
}).extend({
  /** In place of the model's text; what is known of the change follows it all the same. */
  body: z.string().max(10_000).optional(),
});
export type PullRequestOverrides = z.infer<typeof PullRequestOverrides>;

/** The body of `POST /jobs`. What is absent takes the default of the environment (core/settings.ts). */
export const JobRequest = z.strictObject({
  name: z.string().trim().min(1).max(200).optional(),
  description: z.string().max(2000).optional(),
  /** `code-pattern-update`, `vulnerability-fix`, `dependency-update` or a slug of the team's own. */
  type: z
    .string()
    .max(64)
    .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'expected a slug such as code-pattern-update')
    .optional(),
  prompt: z
    .string()
    .max(100_000)
    .refine((text) => text.trim() !== '', 'expected the change to make, in words'),
  repositories: z.array(RepositoryPattern).min(1),
  /** The most repositories that `owner/*` may stand for in this job. */
  maxRepositories: z.int().min(1).max(10_000).optional(),
  maxConcurrency: z.int().min(1).max(10_000).optional(),
  /** The most that the whole job may cost, in USD. */
  maxCostUsd: Amount.max(1_000_000).optional(),
  createPullRequests: z.boolean().optional(),
  settings: JobSettings.partial().optional(),
  pullRequest: PullRequestSettings.optional(),
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
  /** Of `processing`, those that wait until the model's service admits them; absent where there are none. */
  waiting: z.int().nonnegative().optional(),
  /** Those whose rows hold a status that nobody knows; absent where there are none. */
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
  settings: JobSettings,
  pullRequest: PullRequestSettings.optional(),
  /** Counts the executions of this job: 1, and one more with each retry and each publish. */
  run: z.int().min(1),
  /** What the execution of this run is to do: analyze, or only open pull requests of what is recorded. */
  action: z.enum(['analyze', 'publish']),
  /** Artifact that names the repositories of a publish; every recorded change where absent. */
  selection: z.string().optional(),
  /** What the request of a publish said otherwise than `pullRequest`; of this run only. */
  publishAs: PullRequestOverrides.optional(),
  status: ReadStatus,
  counts: Counts,
  /** Absent before the first pull request was tried. */
  pullRequests: PullRequestCounts.optional(),
  tokenUsage: TokenUsage,
  /** Absent where a model's price is not known. */
  costUsd: z.number().optional(),
  createdBy: z.string().optional(),
  executionArn: z.string().optional(),
  createdAt: z.string(),
  startedAt: z.string().optional(),
  completedAt: z.string().optional(),
  cancelledAt: z.string().optional(),
  updatedAt: z.string(),
  /** When the job and all that belongs to it are removed. */
  expiresAt: z.string().optional(),
  error: ErrorDescription.optional(),
});
export type JobRow = z.infer<typeof JobRow>;

/** The branch of a job's pull requests. */
export function branchNameOf({ jobId, pullRequest }: Pick<JobRow, 'jobId' | 'pullRequest'>): string {
  return pullRequest?.branch ?? `cody-batch/${jobId}`;
}

/** What a job says at length; kept in the artifact `request.json`, so that the row stays small. */
export const JobText = z.object({ prompt: z.string(), repositories: z.array(RepositoryPattern) });
export type JobText = z.infer<typeof JobText>;

export type Job = JobRow & JobText;

/** What a row holds in attributes that this version cannot read, as it stands there. */
export const AsWritten = z.record(z.string(), z.unknown());
export type AsWritten = z.infer<typeof AsWritten>;

/** A job as the API gives it. An attribute that cannot be read has a placeholder, which may be outside of what a request may say. */
export const ShownJob = JobRow.extend({
  jobId: z.string(),
  settings: JobSettings.extend({ model: z.string(), maxCostUsd: z.number() }),
  asWritten: AsWritten.optional(),
});

/** With its prompt and its repositories. */
export const ShownJobWithText = ShownJob.extend(JobText.shape);
