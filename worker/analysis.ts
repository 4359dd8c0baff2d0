import { type ArtifactStore, openArtifacts } from '../core/artifacts.ts';
import type { ErrorDescription, JobRow } from '../core/job.ts';
import { JobTable } from '../core/job-table.ts';
import type { Phase, Verification } from '../core/repository-result.ts';
import { RepositoryTable } from '../core/repository-table.ts';
import { required, type Settings } from '../core/settings.ts';
import { openDynamoDB } from '../core/tables.ts';
import type { Changes } from './changes.ts';
import { Checkpoints, type Resumable } from './checkpoint.ts';
import type { Clone } from './clone.ts';
import type { ConversationState } from './conversation-state.ts';
import type { Ending } from './ending.ts';
import type { Log } from './log.ts';
import type { Redactor } from './redact.ts';

export type AnalysisRequest = {
  jobId: string;
  repositoryName: string;
  settings: Settings;
  log: Log;
  redactor: Redactor;
  /** The order to stop, which leaves a checkpoint and no outcome. */
  stop: AbortSignal;
};

/** One repository of one run: what is given, and what comes to be known as the work goes on. */
export class Analysis {
  readonly request: AnalysisRequest;
  readonly job: JobRow;
  readonly jobs: JobTable;
  readonly artifacts: ArtifactStore;
  readonly checkpoints: Checkpoints;
  readonly resumed: Resumable | undefined;
  readonly startedAt = new Date();
  /** Ends at the repository's time limit. */
  readonly deadline: AbortSignal;
  /** The time limit and the order to stop. */
  readonly signal: AbortSignal;

  clone?: Clone;
  state?: ConversationState;
  /** The names of the tools that the model was offered. */
  tools: string[] = [];
  changes?: Changes;
  verification: Verification[] = [];
  ending?: Ending;
  /** An expected failure, named: it ends the repository as `failed`. */
  error?: ErrorDescription;
  readonly #rows: RepositoryTable;

  private constructor(
    request: AnalysisRequest,
    given: { job: JobRow; jobs: JobTable; rows: RepositoryTable; artifacts: ArtifactStore },
    checkpoint: { checkpoints: Checkpoints; resumed: Resumable | undefined },
  ) {
    this.request = request;
    this.job = given.job;
    this.jobs = given.jobs;
    this.artifacts = given.artifacts;
    this.#rows = given.rows;
    this.checkpoints = checkpoint.checkpoints;
    this.resumed = checkpoint.resumed;
    const leftSeconds = given.job.settings.maxMinutes * 60 - this.#workedBefore;
    this.deadline = AbortSignal.timeout(Math.max(1, Math.ceil(leftSeconds * 1000)));
    this.signal = AbortSignal.any([request.stop, this.deadline]);
  }

  /** Throws NotFoundError for an unknown job. */
  static async open(request: AnalysisRequest): Promise<Analysis> {
    const { jobId, repositoryName, settings } = request;
    const artifacts = openArtifacts(required(settings, 'ARTIFACTS_URL'));
    const dynamoDB = openDynamoDB(settings);
    const jobs = new JobTable(dynamoDB, settings);
    const rows = new RepositoryTable(dynamoDB, settings);
    const job = await jobs.get(jobId);
    const checkpoints = new Checkpoints(artifacts, { jobId, repositoryName, run: job.run });
    const resumed = await checkpoints.load();
    return new Analysis(request, { job, jobs, rows, artifacts }, { checkpoints, resumed });
  }

  get #workedBefore(): number {
    return this.resumed?.state.seconds ?? 0;
  }

  /** Writes on the repository's row where the work is: the only attributes that a worker writes there. */
  async record(phase: Phase): Promise<void> {
    const { jobId, repositoryName } = this.request;
    const turns = this.state?.turns.length ?? 0;
    await this.#rows.recordProgress(jobId, repositoryName, {
      phase,
      turns,
      updatedAt: new Date().toISOString(),
    });
  }

  /** Keeps the conversation as of a whole step; `changes` are left out where the tree is as it was at the step before. */
  async save(changes?: Changes): Promise<void> {
    this.state!.seconds = this.#workedBefore + (Date.now() - this.startedAt.getTime()) / 1000;
    const patch = changes && this.#keepable(changes);
    await this.checkpoints.save(this.state!, this.clone!.baseSha, patch);
    await this.saveTally();
  }

  /** A credential of ours in the tree goes into no artifact. */
  #keepable({ patch }: Changes): Buffer | 'unkept' {
    return patch && !this.request.redactor.isIn(patch) ? patch : 'unkept';
  }

  /** In the middle of a step only what was spent can be kept: the step itself is made again. */
  async saveTally(): Promise<void> {
    if (!this.state || !this.clone) return;
    await this.checkpoints.saveTally(this.state, this.clone.baseSha, this.job.settings.model);
  }
}
