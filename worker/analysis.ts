import type { ErrorDescription, JobRow } from '../core/job.ts';
import type { Phase, Verification, Waiting } from '../core/repository-result.ts';
import { required, type Settings } from '../core/settings.ts';
import { type ArtifactStore, openArtifacts } from '../core/store/artifacts.ts';
import { JobControl } from '../core/store/job-control.ts';
import { JobTable } from '../core/store/job-table.ts';
import { RepositoryTable } from '../core/store/repository-table.ts';
import { openDynamoDB } from '../core/store/tables.ts';
import { type Changes, filesWithSecrets } from './checkout/changes.ts';
import type { Clone } from './checkout/clone.ts';
import { Checkpoints, type Resumable, type Spent } from './checkpoint.ts';
import type { ModelWait } from './claude/model.ts';
import type { ConversationState } from './conversation/conversation-state.ts';
import type { Conclusion } from './conversation/ending.ts';
import { WorkClock } from './conversation/work-clock.ts';
import type { Log } from './log.ts';
import type { Redactor } from './sandbox/redact.ts';

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
  readonly control: JobControl;
  readonly artifacts: ArtifactStore;
  readonly checkpoints: Checkpoints;
  readonly resumed: Resumable | undefined;
  /** What attempts before this one have spent in this run. */
  readonly spent: Spent | undefined;
  readonly startedAt = new Date();
  readonly clock: WorkClock;
  /** The time limit and the order to stop. */
  readonly signal: AbortSignal;

  clone?: Clone;
  state?: ConversationState;
  /** The names of the tools that the model was offered. */
  tools: string[] = [];
  changes?: Changes;
  verification: Verification[] = [];
  ending?: Conclusion;
  /** An expected failure, named: it ends the repository as `failed`. */
  error?: ErrorDescription;
  readonly #rows: RepositoryTable;
  /** What the row is to say next, and the writing of it. */
  #progress: { phase: Phase; waiting: Waiting | undefined } | undefined;
  #recording: Promise<void> | undefined;

  private constructor(
    request: AnalysisRequest,
    given: { job: JobRow; control: JobControl; rows: RepositoryTable; artifacts: ArtifactStore },
    checkpoint: { checkpoints: Checkpoints; resumed?: Resumable; spent?: Spent },
  ) {
    this.request = request;
    this.job = given.job;
    this.control = given.control;
    this.artifacts = given.artifacts;
    this.#rows = given.rows;
    this.checkpoints = checkpoint.checkpoints;
    this.resumed = checkpoint.resumed;
    this.spent = checkpoint.spent;
    this.clock = new WorkClock(given.job.settings.maxMinutes * 60, this.resumed?.state.seconds ?? 0);
    this.signal = AbortSignal.any([request.stop, this.clock.over]);
  }

  /** Throws NotFoundError for an unknown job. */
  static async open(request: AnalysisRequest): Promise<Analysis> {
    const { jobId, repositoryName, settings, log, redactor } = request;
    const { credentials } = settings;
    const artifacts = openArtifacts(required(settings, 'ARTIFACTS_URL'), { mayList: false, credentials });
    const dynamoDB = openDynamoDB(settings);
    const jobs = new JobTable(dynamoDB, settings);
    const control = new JobControl(dynamoDB, settings);
    const rows = new RepositoryTable(dynamoDB, settings);
    const job = await jobs.getWhole(jobId);
    const checkpoints = new Checkpoints(artifacts, { jobId, repositoryName, run: job.run, log, redactor });
    const saved = await checkpoints.load();
    return new Analysis(request, { job, control, rows, artifacts }, { checkpoints, ...saved });
  }

  /** Writes on the repository's row that the work begins. A worker that cannot do so does not begin. */
  async recordStart(): Promise<void> {
    await this.#writeProgress('cloning');
  }

  /**
   * Writes on the repository's row where the work is, beside the work itself: it is for readers only, so nothing waits for
   * it, and what cannot be written is left out.
   */
  record(phase: Phase, waiting?: Waiting): void {
    this.#progress = { phase, waiting };
    this.#recording ??= this.#recordAll().finally(() => {
      this.#recording = undefined;
    });
  }

  /** Resolves when the row says what it was last told to, or cannot. */
  async recorded(): Promise<void> {
    await this.#recording;
  }

  async #recordAll(): Promise<void> {
    while (this.#progress) {
      const { phase, waiting } = this.#progress;
      this.#progress = undefined;
      try {
        await this.#writeProgress(phase, waiting);
      } catch (error) {
        this.request.log.warn(`The row does not show the progress: ${(error as Error).message}`);
      }
    }
  }

  async #writeProgress(phase: Phase, waiting?: Waiting): Promise<void> {
    const { jobId, repositoryName } = this.request;
    await this.#rows.recordProgress(jobId, repositoryName, {
      phase,
      waiting,
      turns: this.state?.turns.length ?? 0,
      updatedAt: new Date().toISOString(),
    });
  }

  /** Shows a wait for the model's service. One for its rate limit is no work, so the clock stands still. */
  readonly onModelWait = (wait: ModelWait | undefined): void => {
    if (wait?.limited) this.clock.stop();
    else this.clock.start();
    if (!wait) this.record('conversing');
    else
      this.record('waitingForModel', {
        times: wait.times,
        until: wait.until.toISOString(),
        reason: wait.said,
      });
  };

  /** Keeps the conversation as of a whole step; `changes` are left out where the tree is as it was at the step before. */
  async save(changes?: Changes): Promise<void> {
    this.state!.seconds = this.clock.seconds;
    const patch = changes && (await this.#keepable(changes));
    await Promise.all([this.checkpoints.save(this.state!, this.clone!.baseSha, patch), this.saveTally()]);
  }

  /** A credential of ours in the tree goes into no artifact. */
  async #keepable(changes: Changes): Promise<Buffer | 'unkept'> {
    const { patch } = changes;
    const { redactor } = this.request;
    if (!patch || redactor.isIn(patch)) return 'unkept';
    const withSecrets = await filesWithSecrets(this.clone!.git, changes, redactor);
    return withSecrets.length === 0 ? patch : 'unkept';
  }

  /** In the middle of a step only what was spent can be kept: the step itself is made again. */
  async saveTally(): Promise<void> {
    if (!this.state || !this.clone) return;
    await this.checkpoints.saveTally(this.state, this.clone.baseSha, this.job.settings.model);
  }
}
