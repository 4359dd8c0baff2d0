/** What the API answers, by the types of core/. Types only: zod itself would double the first load. */
import type { z } from 'zod';
import type { JobText, ShownJob, Spending } from '../../../core/job.ts';
import type { PullRequestDay } from '../../../core/pull-request-day.ts';
import type { PullRequestRecord, ShownRepositoryResult } from '../../../core/repository-result.ts';
import type { Review } from '../../../core/review.ts';
import type { RunRecord } from '../../../core/run-record.ts';
import type { RunRequest } from '../../../core/run-request.ts';
import type { SummaryRow } from '../../../core/summary-row.ts';
import type { Thread, ThreadTurn } from '../../../core/thread.ts';

export type { DryRun, ResolvedChoice } from '../../../core/choice.ts';
export type { JobRequest, JobStatus } from '../../../core/job.ts';
export type { RunRecord } from '../../../core/run-record.ts';
export type { SummaryRow } from '../../../core/summary-row.ts';

export type Job = z.infer<typeof ShownJob>;
export type JobPage = Job & Partial<JobText> & { spending?: Spending; heldRepositories?: string[] };
export type JobList = { jobs: Job[]; cursor?: string };
export type RepositoryResult = z.infer<typeof ShownRepositoryResult>;
/** A repository's result, with the decision that covers its change. */
export type RepositoryPage = RepositoryResult & { review?: Review };

type ToolCall = { tool: string; line: string; failed: boolean };
/** What an answer of the model took. */
export type Turn = Pick<z.infer<typeof ThreadTurn>, 'seconds' | 'tokenUsage' | 'costUsd'>;
type ReadableThread = {
  view: 'standard' | 'simplified';
  messages: { role: string; text: string; toolCalls?: ToolCall[]; turn?: Turn }[];
};
/** The conversation, in the view that was asked for. */
export type ThreadAnswer = ReadableThread | (z.infer<typeof Thread> & { view: 'technical' });

/** A run, with what was asked for. */
export type Run = RunRecord & Partial<Pick<RunRequest, 'selection' | 'operation' | 'instruction'>>;
export type RunList = { runs: Run[]; cursor?: string };

/** A pull request of a job, with what its row does not have. */
export type ListedPullRequest = Pick<
  PullRequestRecord,
  'state' | 'draft' | 'checks' | 'failing' | 'run' | 'warnings' | 'autoMerge' | 'checkedAt' | 'error'
> & { repositoryName: string; number?: number };
export type PullRequestHistory = { days: PullRequestDay[] };
export type ReviewList = { jobId: string; reviews: Review[]; cursor?: string };

/** Rows as the API gives them: a list of values for each attribute. */
export type Rows = {
  jobId: string;
  run: number;
  columns: { [Name in keyof SummaryRow]?: (SummaryRow[Name] | null)[] } & { repositoryName: string[] };
};

export type Me = {
  caller?: string;
  roles: ('viewer' | 'runner' | 'admin')[];
  limits: {
    allowedRepositories: string[];
    allowedModels: string[];
    defaultModel: string;
    workerImages: string[];
    isDefaultModelPriced: boolean;
    maxRepositories: number;
    maxConcurrency: number;
    maxCostUsd: number;
    maxTurns: number;
    maxRepositoryCostUsd: number;
    maxMinutes: number;
    resultDays: number;
  };
  defaults: {
    maxConcurrency: number;
    maxCostUsd: number;
    maxTurns: number;
    maxRepositoryCostUsd: number;
    maxMinutes: number;
  };
};

export type Totals = {
  days: number;
  from: string;
  jobs: { total: number; byStatus: Partial<Record<Job['status'], number>> };
  repositories: Job['counts'];
  pullRequests: NonNullable<Job['pullRequests']>;
  tokenUsage: Job['tokenUsage'];
  costUsd: number;
  unpricedJobs: number;
  isComplete: boolean;
};

export type Health = { status: string; version: string; model?: unknown };

/** A run's lifecycle as a graph, with what is in each state now (GET …/execution). Times are ISO 8601. */
export type Execution = {
  jobId: string;
  run: number;
  status: Job['status'];
  /** As Step Functions has it, read at most 5 seconds ago. */
  execution: { status: string };
  consoleUrl?: string;
  isComplete: boolean;
  lanes: ExecutionLane[];
};

export type ExecutionLane = {
  lane: string;
  /** The newest run of each Map whose child executions run through the lane. */
  children: {
    map: string;
    pending: number;
    running: number;
    succeeded: number;
    failed: number;
    total: number;
  }[];
  counts?: Job['counts'];
  states: ExecutionState[];
};

export type ExecutionState = {
  name: string;
  type: string;
  comment?: string;
  column: number;
  row: number;
  next: { to: string; kind: 'next' | 'choice' | 'default' | 'branch' | 'join' | 'catch' }[];
  status?: 'running' | 'succeeded' | 'caught' | 'failed' | 'stopped';
  times?: number;
  enteredAt?: string;
  exitedAt?: string;
  now?: { count: number; since?: string; until?: string; phases?: Record<string, number> };
};
