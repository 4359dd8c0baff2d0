import { WorkerRefusedError } from '../core/errors.ts';
import type { JobRow } from '../core/job.ts';
import { isModelPriced, required, type Settings } from '../core/settings.ts';
import type { ArtifactStore } from '../core/store/artifact-store.ts';
import { openArtifacts } from '../core/store/artifacts.ts';
import { JobControl } from '../core/store/job-control.ts';
import { JobTable } from '../core/store/job-table.ts';
import { RepositoryTable } from '../core/store/repository-table.ts';
import { runArtifactKeys } from '../core/store/run-artifact-keys.ts';
import { openDynamoDB } from '../core/store/tables.ts';
import { NO_TOKENS } from '../core/usage.ts';
import { Checkpoints, type Resumable, type Spent } from './checkpoint.ts';
import { WorkClock } from './conversation/work-clock.ts';
import { type EarlierWork, findEarlierWork } from './earlier-work.ts';
import type { Log } from './log.ts';
import { Progress } from './progress.ts';
import type { Redactor } from './sandbox/redact.ts';

export type AnalysisRequest = {
  jobId: string;
  repositoryName: string;
  /** The run that the Batch job is of. Absent if a person submitted it. */
  run?: number | undefined;
  /** The run whose conversation and patch this one continues. */
  from?: number | undefined;
  settings: Settings;
  log: Log;
  redactor: Redactor;
  /** Aborts when the worker has to stop. It then leaves a checkpoint and no outcome. */
  stop: AbortSignal;
};

/** One repository of one run, before its clone. */
export type Opened = AnalysisRequest & {
  job: JobRow;
  /** The keys of what this run writes. */
  keys: ReturnType<typeof runArtifactKeys>;
  control: JobControl;
  artifacts: ArtifactStore;
  checkpoints: Checkpoints;
  progress: Progress;
  /** The checkpoint of an earlier attempt of this run, if there is one. */
  resumed: Resumable | undefined;
  /** What a revision continues. Absent if it begins anew, and once it has a checkpoint of its own. */
  earlier: EarlierWork | undefined;
  /** The usage of earlier attempts of this run. */
  spent: Spent;
  startedAt: Date;
  clock: WorkClock;
  /** Aborts at the repository's time limit, and with `stop`. */
  signal: AbortSignal;
};

/** Reads the job and the checkpoint. Throws NotFoundError for an unknown job, and WorkerRefusedError for another run. */
export async function open(request: AnalysisRequest): Promise<Opened> {
  const { jobId, repositoryName, settings, log, redactor, stop } = request;
  const { credentials } = settings;
  const artifacts = openArtifacts(required(settings, 'ARTIFACTS_URL'), { mayList: false, credentials });
  const dynamoDB = openDynamoDB(settings);
  const repositories = new RepositoryTable(dynamoDB, settings);
  const job = await new JobTable(dynamoDB, settings).getWhole(jobId);
  requireRun(request, job);
  const keys = runArtifactKeys({ jobId, repositoryName, run: job.run });
  const checkpoints = new Checkpoints(artifacts, { prefix: keys.checkpoint, run: job.run, log, redactor });
  const { resumed, spent = nothingSpent(job, settings) } = await checkpoints.load();
  const { from } = request;
  const earlier =
    from === undefined || resumed
      ? undefined
      : await findEarlierWork(artifacts, { jobId, repositoryName, from }, log);
  const clock = new WorkClock(job.settings.maxMinutes * 60, resumed?.state.seconds ?? 0);
  return {
    ...request,
    job,
    keys,
    control: new JobControl(dynamoDB, settings),
    artifacts,
    checkpoints,
    progress: new Progress({ repositories, jobId, repositoryName, log }),
    resumed,
    earlier,
    spent,
    startedAt: new Date(),
    clock,
    signal: AbortSignal.any([stop, clock.over]),
  };
}

/** A Batch job that outlived its run would do the work of the next one, beside that run's own worker. */
function requireRun({ run, repositoryName }: AnalysisRequest, job: JobRow): void {
  if (run === undefined || run === job.run) return;
  throw new WorkerRefusedError(
    `This Batch job is of run ${run}, and ${job.jobId} is in run ${job.run}. ${repositoryName} was not worked on; do nothing, the present run has its own Batch jobs.`,
  );
}

/** A model without a known price has no cost, not even zero. */
function nothingSpent(job: JobRow, settings: Settings): Spent {
  return { tokenUsage: NO_TOKENS, costUsd: isModelPriced(job.settings.model, settings) ? 0 : undefined };
}
