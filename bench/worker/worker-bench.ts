import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { countsOf, type JobRow, newJobId } from '../../core/job.ts';
import { OutcomeDocument } from '../../core/outcome.ts';
import { defaultJobSettings, parseSettings, required } from '../../core/settings.ts';
import { openArtifacts, readArtifact } from '../../core/store/artifacts.ts';
import { JobTable } from '../../core/store/job-table.ts';
import { RepositoryTable } from '../../core/store/repository-table.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import { writeRunRequest } from '../../core/store/run-requests.ts';
import { openDynamoDB } from '../../core/store/tables.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import { startDynamoDB } from '../../local/dynamodb/dynamodb.ts';
import { applyEnvironment, stackEnvironment, TABLE_PREFIX } from '../../local/environment.ts';
import { startGitHub } from '../../local/github/server.ts';
import { bundleWorker, workerCommand } from '../../worker/bundle.ts';
import { type Measured, measureProcess, plainEnvironment } from '../measured-process.ts';
import { PROMPT } from '../model.ts';

export type WorkerBench = {
  gitHubUrl: string;
  /**
   * Creates a job for one repository and runs the worker on it. Throws if it did not change the
   * repository.
   */
  work(repositoryName: string): Promise<Measured>;
  close(): Promise<void>;
};

/** The parts of the local stack that a worker needs, without the state machine and the queue. */
export async function startWorkerBench(folder: string, modelUrl: string): Promise<WorkerBench> {
  const inFolder = (name: string) => path.join(folder, name);
  const access = { secret: randomBytes(32).toString('base64url'), requireSecret: false };
  const dynamodb = await startDynamoDB({
    access,
    dataFolder: inFolder('dynamodb'),
    jobsTable: `${TABLE_PREFIX}-jobs`,
    repositoriesTable: `${TABLE_PREFIX}-repositories`,
  });
  const gitHub = await startGitHub({ access, dataFolder: inFolder('github') });
  const environment = stackEnvironment({
    endpoints: { dynamodb: dynamodb.url, states: '', batch: '', logs: '' },
    secret: access.secret,
    artifactsFolder: inFolder('artifacts'),
    temporaryFolder: inFolder('tmp'),
    given: { CLAUDE_API_KEY: 'bench', ANTHROPIC_BASE_URL: modelUrl },
    gitHubApiUrl: gitHub.apiUrl,
  });
  applyEnvironment(environment);
  const worker = await bundleWorker(inFolder('worker'));
  const workerEnvironment = {
    ...plainEnvironment(),
    ...environment,
    NODE_COMPILE_CACHE: inFolder('worker'),
  };

  const settings = parseSettings(environment);
  const artifacts = openArtifacts(required(settings, 'ARTIFACTS_URL'));
  const client = openDynamoDB(settings);
  const jobs = new JobTable(client, settings);
  const rows = new RepositoryTable(client, settings);

  async function createJob(repositoryName: string): Promise<string> {
    const jobId = newJobId();
    const at = new Date().toISOString();
    const ofRepository = defaultJobSettings(settings);
    const request = await writeRunRequest(artifacts, jobId, {
      ...{ kind: 'create', action: 'analyze', prompt: PROMPT, settings: ofRepository },
      ...{ maxCostUsd: 50, requestedAt: at },
    });
    await jobs.create({
      jobId,
      request,
      name: 'bench',
      type: 'code-pattern-update',
      maxRepositories: 1,
      maxConcurrency: 1,
      maxCostUsd: 50,
      createPullRequests: false,
      settings: ofRepository,
      run: 1,
      action: 'analyze',
      status: 'processing',
      counts: countsOf({ pending: 1 }),
      tokenUsage: NO_TOKENS,
      createdAt: at,
      updatedAt: at,
    } satisfies JobRow);
    await rows.createPending(jobId, [repositoryName], at);
    return jobId;
  }

  return {
    gitHubUrl: gitHub.url,
    async work(repositoryName) {
      const jobId = await createJob(repositoryName);
      const measured = await measureProcess(
        [...workerCommand(worker), jobId, repositoryName],
        workerEnvironment,
      );
      const { outcome } = await readArtifact(
        artifacts,
        runArtifactKeys({ jobId, repositoryName, run: 1 }).outcome,
        OutcomeDocument,
      );
      if (outcome !== 'changed') throw new Error(`The worker's outcome is ${outcome}: ${measured.output}`);
      return measured;
    },
    async close() {
      client.destroy();
      await gitHub.close();
      await dynamodb.close();
    },
  };
}
