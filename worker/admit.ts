import { isAllowed } from '../core/allowed-repositories.ts';
import {
  ConflictError,
  DamagedArtifactError,
  JobStoppedError,
  ModelRequestError,
  RepositoryUnavailableError,
} from '../core/errors.ts';
import { refusalOfModel } from '../core/model-check.ts';
import { Findings } from '../core/repair.ts';
import type { Began } from '../core/repository-result.ts';
import { readArtifact } from '../core/store/artifacts.ts';
import { readRunRequest } from '../core/store/run-requests.ts';
import type { Opened } from './open.ts';

export type Admitted = {
  prompt: string;
  /** What a revision adds to the prompt. */
  instruction: string | undefined;
  /** How a revision is to begin; undefined for the cheapest way. */
  begin: Began | undefined;
  /** What a repair has to mend. */
  findings: Findings | undefined;
  /** For the commands of `setup` only. */
  commandSecrets: Record<string, string>;
};

/**
 * Checks that the work may start, and reads the prompt and the secrets. The redactor knows all secrets before any command
 * runs. Throws CodyBatchError if the work may not start.
 */
export async function admit(opened: Opened): Promise<Admitted> {
  const { job, artifacts, keys, repositoryName, settings, redactor } = opened;
  if (job.status === 'cancelled')
    throw new ConflictError(`The job ${job.jobId} was cancelled; no work was started.`);
  requireAllowed(opened, repositoryName);
  const { prompt, instruction, kind, begin } = await readRunRequest(artifacts, job);
  if (prompt === undefined) {
    throw new DamagedArtifactError(
      `The prompt of the job ${job.jobId} was lost before this run: ${job.request} has none. Start a new job by POST /jobs.`,
    );
  }
  for (const name of ['CLAUDE_API_KEY', 'GITHUB_TOKEN'] as const) redactor.add(await settings.secret(name));
  const commandSecrets = await readCommandSecrets(opened);
  await checkModel(opened);
  const findings = kind === 'repair' ? await readArtifact(artifacts, keys.findings, Findings) : undefined;
  return { prompt, instruction, begin, findings, commandSecrets };
}

/** POST /jobs checks this too, but not for a Batch job that is submitted by hand. */
export function requireAllowed({ settings }: Pick<Opened, 'settings'>, repositoryName: string): void {
  if (isAllowed(settings.ALLOWED_REPOSITORIES, repositoryName)) return;
  const allowed = settings.ALLOWED_REPOSITORIES.join(', ') || 'empty';
  throw new RepositoryUnavailableError(
    `${repositoryName} is not allowed. ALLOWED_REPOSITORIES of the worker is ${allowed}; add the repository to it, then retry the job.`,
  );
}

async function readCommandSecrets({ job, settings, redactor }: Opened): Promise<Record<string, string>> {
  const secrets: Record<string, string> = {};
  for (const name of job.settings.commandSecrets ?? []) {
    secrets[name] = await settings.commandSecret(name);
    redactor.add(secrets[name]);
  }
  return secrets;
}

/**
 * The first worker of a run asks the service whether it accepts the key and the model, because a wrong one would fail every
 * repository only after its clone. Throws if the service refuses, or has refused another worker.
 */
async function checkModel({ job, control, settings }: Opened): Promise<void> {
  const { jobId, run } = job;
  const { stoppedBy, stoppedBecause, modelCheckedInRun } = await control.get(jobId);
  if (stoppedBy === 'modelRefused') throw new JobStoppedError(`The job was stopped. ${stoppedBecause ?? ''}`);
  if (modelCheckedInRun === run || !(await control.claimModelCheck(jobId, run))) return;
  const { model, judge } = job.settings;
  for (const asked of new Set([model, judge?.model ?? model])) {
    const refusal = await refusalOfModel(settings, asked);
    if (!refusal) continue;
    await control.stop(jobId, run, 'modelRefused', refusal);
    throw new ModelRequestError(refusal, { isForAll: true });
  }
}
